package dev.shelfscan

import java.io.File
import kotlinx.coroutines.runBlocking

/** Opens a bundle in a process of its own, and says how that went. */
fun main(arguments: Array<String>) = runBlocking {
    try {
        ShelfScanner.open(File(arguments.single())).close()
        print("opened")
    } catch (error: ShelfscanException) {
        print("${error::class.simpleName}: ${error.message}")
    }
}
