"""The project's own sample shelf: invented drinks, their picture, its ground truth and their enrolment pictures."""
