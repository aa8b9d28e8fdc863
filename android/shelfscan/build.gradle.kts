import java.io.File
import javax.inject.Inject
import org.gradle.process.ExecOperations

plugins {
    alias(libs.plugins.android.library)
    `maven-publish`
}

group = "dev.shelfscan"
version = "0.1.0"

/** The root of the repository, where Cargo's workspace is. */
val repositoryRoot: Directory = rootProject.layout.projectDirectory.dir("..")
val wantedAbis: List<String> = providers.gradleProperty("shelfscan.abis").get().split(',').map { it.trim() }
val minimumSdk = 24

android {
    namespace = "dev.shelfscan"
    compileSdk = 37
    ndkVersion = "28.2.13676358"

    defaultConfig {
        minSdk = minimumSdk
        consumerProguardFiles("consumer-rules.pro")
        ndk { abiFilters += wantedAbis }
    }

    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_17
        targetCompatibility = JavaVersion.VERSION_17
    }

    // Two halves of one package: what needs no Android is in `kotlin`, and is tested on the JVM too; the rest is in `android`.
    sourceSets.named("main") { kotlin.directories += "src/main/android" }

    // Uncompressed and aligned, so that the system maps the libraries from the package, on devices with 16 KB pages too.
    packaging { jniLibs { useLegacyPackaging = false } }

    lint {
        // Generated code asks for classes of later Android versions by name, and does without them.
        lintConfig = file("lint.xml")
    }

    publishing { singleVariant("release") { withSourcesJar() } }
}

dependencies {
    // Flow, Job and the like are in the library's own signatures.
    api(libs.coroutines.android)
    implementation(libs.jna) { artifact { type = "aar" } }
    // TensorFlow Lite itself: libtensorflowlite_jni.so has the C API that the native library loads by this name.
    implementation(libs.litert)
}

/** Builds libshelfscan_ffi.so for each ABI with cargo-ndk, as `<abi>/libshelfscan_ffi.so`. */
abstract class BuildNative @Inject constructor(private val operations: ExecOperations) : DefaultTask() {
    @get:Internal abstract val repositoryRoot: DirectoryProperty

    @get:Input abstract val abis: ListProperty<String>

    @get:Input abstract val platform: Property<Int>

    @get:OutputDirectory abstract val libraries: DirectoryProperty

    @TaskAction
    fun build() {
        val command = mutableListOf("cargo", "ndk", "--platform", platform.get().toString())
        abis.get().forEach { command += listOf("--target", it) }
        command += listOf("--output-dir", libraries.get().asFile.path, "build", "--release", "--locked")
        command += listOf("--package", "shelfscan-bindings")
        operations.exec {
            workingDir(repository)
            commandLine(command)
            // Google Play refuses 64-bit libraries whose segments are not aligned to 16 KB. The NDK does it from r28 on.
            for (target in listOf("AARCH64", "X86_64")) {
                environment("CARGO_TARGET_${target}_LINUX_ANDROID_RUSTFLAGS", "-C link-arg=-Wl,-z,max-page-size=16384")
            }
        }
    }
}

/** Writes the Kotlin side of the library's functions, from the library as built for this machine, with its symbols. */
abstract class GenerateBindings @Inject constructor(private val operations: ExecOperations) : DefaultTask() {
    @get:Internal abstract val repositoryRoot: DirectoryProperty

    @get:OutputDirectory abstract val sources: DirectoryProperty

    @TaskAction
    fun generate() {
        fun cargo(vararg arguments: String) = operations.exec {
            workingDir(repository)
            commandLine("cargo", *arguments)
        }
        cargo("build", "--locked", "--package", "shelfscan-bindings")
        val name = System.mapLibraryName("shelfscan_ffi")
        val target = System.getenv("CARGO_TARGET_DIR")?.let(::File) ?: repository.get().dir("target").asFile
        val out = sources.get().asFile.apply { deleteRecursively() }
        cargo(
            "run", "--locked", "--package", "shelfscan-bindings", "--features", "bindgen", "--bin", "uniffi-bindgen", "--",
            "generate", "--no-format", "--config", "uniffi.toml", "--language", "kotlin",
            "--out-dir", out.path, File(target, "debug/$name").path,
        )
    }
}

val buildNative = tasks.register<BuildNative>("buildNative") {
    description = "Builds the native library for ${wantedAbis.joinToString()}."
    repository = repositoryRoot
    abis = wantedAbis
    platform = minimumSdk
    // Cargo knows what is up to date.
    outputs.upToDateWhen { false }
}

val generateBindings = tasks.register<GenerateBindings>("generateBindings") {
    description = "Writes the Kotlin side of the native library."
    repository = repositoryRoot
    outputs.upToDateWhen { false }
}

androidComponents.onVariants { variant ->
    variant.sources.jniLibs?.addGeneratedSourceDirectory(buildNative, BuildNative::libraries)
    variant.sources.kotlin?.addGeneratedSourceDirectory(generateBindings, GenerateBindings::sources)
}

publishing {
    publications.register<MavenPublication>("release") {
        artifactId = "shelfscan"
        afterEvaluate { from(components["release"]) }
        pom {
            name = "Shelfscan"
            description = "Counts what stands on a shelf, per SKU, on the phone, offline."
            licenses {
                license { name = "MIT OR Apache-2.0" }
            }
        }
    }
}
