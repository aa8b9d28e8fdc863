package dev.shelfscan

import java.io.File
import java.lang.reflect.Modifier
import kotlin.system.exitProcess
import org.junit.AssumptionViolatedException
import org.junit.Test
import org.junit.runner.Description
import org.junit.runner.JUnitCore
import org.junit.runner.notification.Failure
import org.junit.runner.notification.RunListener

/** Runs the tests among the classes in a folder, and says of each how it went. Named classes only, where some are named. */
fun main(arguments: Array<String>) {
    // Pictures are made, none is shown.
    System.setProperty("java.awt.headless", "true")
    val (folder, wanted) = Pair(File(arguments.first()), arguments.drop(1))
    val classes = folder.walk().filter { it.extension == "class" && '$' !in it.name }
        .map { Class.forName(it.relativeTo(folder).path.removeSuffix(".class").replace(File.separatorChar, '.')) }
        .filter { !Modifier.isAbstract(it.modifiers) && it.methods.any { method -> method.isAnnotationPresent(Test::class.java) } }
        .filter { wanted.isEmpty() || it.simpleName in wanted }
        .sortedBy { it.name }
        .toList()
    val told = Telling()
    val result = JUnitCore().apply { addListener(told) }.run(*classes.toTypedArray())
    println("${result.runCount - result.failureCount} tests passed, ${result.failureCount} failed, ${told.skipped} skipped")
    // A test that left a thread behind must not keep the step from ending.
    exitProcess(if (result.wasSuccessful() && result.runCount > 0) 0 else 1)
}

private class Telling : RunListener() {
    var skipped = 0
        private set
    private var started = 0L
    private var verdict = ""

    override fun testStarted(test: Description) {
        started = System.nanoTime()
        verdict = "ok"
    }

    override fun testFailure(failure: Failure) {
        verdict = "FAILED"
        println("---- ${failure.description.title}\n${failure.trace.ours()}")
    }

    override fun testAssumptionFailure(failure: Failure) {
        verdict = "skipped"
        skipped++
        println("SKIPPED: ${failure.description.title}: ${failure.message}")
    }

    override fun testFinished(test: Description) {
        println("test ${test.title} ... $verdict (${(System.nanoTime() - started) / 1_000_000} ms)")
    }

    private val Description.title: String
        get() = "${testClass?.simpleName}: ${methodName.orEmpty()}"

    /** Without the runner's own frames. */
    private fun String.ours(): String =
        lines().filterNot { line -> FOREIGN.any { line.trim().startsWith("at $it") } }.take(40).joinToString("\n").trim()

    private companion object {
        val FOREIGN = listOf("org.junit.", "org.robolectric.internal.", "kotlinx.coroutines.", "java.base/")
    }
}

/** Ends the test as one that this machine can't run. */
fun skip(reason: String): Nothing = throw AssumptionViolatedException(reason)
