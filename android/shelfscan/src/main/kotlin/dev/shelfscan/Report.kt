package dev.shelfscan

/** The result as JSON, schema 1: the bytes that `shelfscan scan --json` writes for a photo of this name. */
fun ScanResult.toJson(file: String): String = reportJson(listOf(NamedResult(file, this)), emptyList())
