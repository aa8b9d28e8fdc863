"""From photos to a bundle: training, quantization, export and bundling of the detector and the embedder."""
