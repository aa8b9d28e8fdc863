import javax.inject.Inject

plugins {
    alias(libs.plugins.android.application)
}

android {
    namespace = "dev.shelfscan.sample"
    compileSdk = 37

    defaultConfig {
        applicationId = "dev.shelfscan.sample"
        minSdk = 24
        targetSdk = 36
        versionCode = 1
        versionName = "0.1.0"
    }

    buildTypes {
        release {
            isMinifyEnabled = true
            isShrinkResources = true
            proguardFiles(getDefaultProguardFile("proguard-android-optimize.txt"))
            // To try it; an app of one's own has a key of its own.
            signingConfig = signingConfigs.getByName("debug")
        }
    }

    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_17
        targetCompatibility = JavaVersion.VERSION_17
    }

    // An APK for each processor is a third of one for all. An app bundle does this by itself.
    splits {
        abi {
            isEnable = true
            reset()
            include("arm64-v8a", "armeabi-v7a", "x86_64")
            isUniversalApk = false
        }
    }

    // Models are mapped from a copy in the app's folder, and do not compress well.
    androidResources { noCompress += listOf("tflite", "index") }

    packaging { jniLibs { useLegacyPackaging = false } }
}

dependencies {
    implementation(project(":shelfscan"))
}

/** Brings the shipped bundle into the assets; an app ships a bundle of its own. */
abstract class CopyBundle @Inject constructor(private val files: FileSystemOperations) : DefaultTask() {
    @get:InputDirectory abstract val bundle: DirectoryProperty

    @get:OutputDirectory abstract val assets: DirectoryProperty

    @TaskAction
    fun copy() {
        files.sync {
            from(bundle) { into("bundles/drinks") }
            into(assets)
        }
    }
}

val copyBundle = tasks.register<CopyBundle>("copyBundle") {
    bundle = rootProject.layout.projectDirectory.dir("../models/bundles/drinks")
}

androidComponents.onVariants { variant ->
    variant.sources.assets?.addGeneratedSourceDirectory(copyBundle, CopyBundle::assets)
}
