// swift-tools-version: 6.2
import PackageDescription

let swift: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]
/// For what the tests' laws reckon with a million times: optimized in debug builds, too.
///
/// Overflow traps there all the same, and the suite takes three quarters of the time.
let optimized = swift + [.unsafeFlags(["-O"], .when(configuration: .debug))]
/// For the tests themselves: they are built sooner than their optimization would gain.
let tested = swift + [.unsafeFlags(["-Onone"], .when(configuration: .release))]
let argumentParser = Target.Dependency.product(
    name: "ArgumentParser", package: "swift-argument-parser")
let bigInt = Target.Dependency.product(name: "BigInt", package: "BigInt")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let sqlite = Target.Dependency.product(name: "GRDBSQLite", package: "GRDB.swift")
let lifecycle = Target.Dependency.product(
    name: "ServiceLifecycle", package: "swift-service-lifecycle")
let signals = Target.Dependency.product(
    name: "UnixSignals", package: "swift-service-lifecycle")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let systemPackage = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let mustache = Target.Dependency.product(name: "Mustache", package: "swift-mustache")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

/// A module of Octroi: its sources are in `Sources/<name>`, its arrows are `needs`.
func module(
    _ name: String, needs: [Target.Dependency] = [], _ settings: [SwiftSetting] = swift
) -> Target {
    .target(name: name, dependencies: needs, swiftSettings: settings)
}

/// The tests of a module, in `Tests/<name>Tests`.
func tests(_ name: String, needs: [Target.Dependency]) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: needs + ["TestSupport"],
        path: "Tests/\(name)Tests", swiftSettings: tested)
}

let package = Package(
    name: "octroi",
    products: [.executable(name: "octroi", targets: ["octroi"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.0"),
        .package(url: "https://github.com/attaswift/BigInt", from: "6.0.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // The pure core: values in, values out.
        module("Units", needs: [bigInt], optimized),
        module("CgroupFormat", needs: ["Units"], optimized),
        module("Metering", needs: ["Units", "CgroupFormat"], optimized),
        module("Pricing", needs: ["Units", "Metering"], optimized),
        module("Invoicing", needs: ["Units", "Metering", "Pricing", bigInt], optimized),
        module("Limits", needs: ["Units", "CgroupFormat"], optimized),
        module("Sealing", needs: ["CZlib", "CGcrypt"]),
        module(
            "Reporting", needs: ["Units", "Metering", "Pricing", "Invoicing", bigInt, mustache]),

        // The shell: files, the kernel, the database, the clock.
        .target(name: "CLinux"),
        .systemLibrary(
            name: "CSystemd", pkgConfig: "libsystemd", providers: [.apt(["libsystemd-dev"])]),
        .systemLibrary(
            name: "CGcrypt", pkgConfig: "libgcrypt", providers: [.apt(["libgcrypt20-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        module("Host", needs: ["Units", "CgroupFormat", "Metering", "CLinux"]),
        module("CgroupFS", needs: ["Units", "CgroupFormat", "Metering", "CLinux", systemPackage]),
        module(
            "Runtimes",
            needs: [
                "Units", "CgroupFormat", "Host", "CgroupFS", "CSystemd", "Limits", "Metering",
                systemPackage,
            ]),
        .target(
            name: "Migrations", path: "migrations",
            resources: [
                .embedInCode("0001_initial.sql"), .embedInCode("0002_metering.sql"),
                .embedInCode("0003_sealing.sql"), .embedInCode("0004_invoicing.sql"),
                .embedInCode("0005_limits.sql"), .embedInCode("0006_truth.sql"),
                .embedInCode("0007_unmeasured.sql"), .embedInCode("0008_zones.sql"),
                .embedInCode("0009_terms.sql"), .embedInCode("0010_priced_keys.sql"),
                .embedInCode("0011_imports.sql"),
                .embedInCode("0012_day_sums.sql"), .embedInCode("0013_storage.sql"),
            ],
            swiftSettings: swift),
        .target(
            name: "ReportFiles", path: "reports",
            resources: [
                .embedInCode("capacity.sql"),
                .embedInCode("completeness.sql"),
                .embedInCode("daily-cost.sql"),
                .embedInCode("enforcement.sql"),
                .embedInCode("idle.sql"),
                .embedInCode("invoice-lines-by-meter.sql"),
                .embedInCode("invoices.sql"),
                .embedInCode("throttling.sql"),
                .embedInCode("top-containers.sql"),
                .embedInCode("unattributed.sql"),
                .embedInCode("unmetered.sql"),
                .embedInCode("usage-by-container.sql"),
                .embedInCode("usage-by-tenant.sql"),
                .embedInCode("invoice.html.mustache"),
                .embedInCode("invoice.labels.json"),
            ],
            swiftSettings: swift),
        module(
            "Store",
            needs: [
                "Units", "CgroupFormat", "Metering", "Pricing", "Invoicing", "Limits",
                "Sealing", "Host", "Migrations", "CLinux", bigInt, grdb, sqlite,
            ], optimized),
        module(
            "Billing",
            needs: [
                "Units", "Metering", "Pricing", "Invoicing", "Limits", "Store", bigInt,
            ], optimized),
        module(
            "Settings",
            needs: ["Units", "Limits", "Metering", "Pricing", "Host", "Runtimes", yams]),
        module(
            "Enforcing",
            needs: [
                "Units", "CgroupFormat", "Limits", "CLinux", "Host", "CgroupFS", "Runtimes",
                "Metering",
                "Invoicing", "Store", "Billing", systemPackage,
            ]),
        module(
            "App",
            needs: [
                "Units", "CgroupFormat", "Metering", "Pricing", "Invoicing", "Limits", "Reporting",
                "Host", "CgroupFS", "Runtimes", "ReportFiles", "Store", "Billing", "Settings",
                "Enforcing", bigInt,
            ]),
        module(
            "Daemon",
            needs: [
                "Units", "CgroupFormat", "Metering", "CLinux", "CZlib", "Host", "CgroupFS",
                "Enforcing", "Runtimes", "Settings", "Store", lifecycle, logging, signals,
                systemPackage,
            ]),
        .executableTarget(
            name: "octroi",
            dependencies: [
                "Units", "Metering", "Invoicing", "Reporting", "Store", "Settings", "App",
                "Daemon", "ReportFiles", argumentParser, logging, signals,
            ], swiftSettings: swift),

        .executableTarget(
            name: "octroi-bench",
            dependencies: [
                "Units", "CgroupFormat", "Metering", "Sealing", "Host", "CgroupFS", "Enforcing",
                "Limits",
                "Runtimes", "Settings", "Store", "Daemon",
            ], path: "Benchmarks/OctroiBench", swiftSettings: swift),

        .executableTarget(name: "octroi-churn", path: "Tests/Churn"),
        .target(
            name: "FaultVFS", path: "Tests/FaultVFS", linkerSettings: [.linkedLibrary("sqlite3")]),
        .target(
            name: "TestKernel",
            dependencies: [
                "Units", "CgroupFormat", "Metering", "CgroupFS", "Daemon", "TestSupport",
                systemPackage,
            ], path: "Tests/TestKernel", swiftSettings: swift),
        .executableTarget(
            name: "octroi-rehearse",
            dependencies: [
                "Units", "Metering", "Pricing", "Host", "Store", "Billing", "Daemon", "TestKernel",
                "FaultVFS",
            ], path: "Tests/Rehearsal", swiftSettings: swift),
        .target(
            name: "TestHistories",
            dependencies: ["Units", "Metering", "Pricing", "TestSupport"],
            path: "Tests/TestHistories", swiftSettings: swift),
        .target(
            name: "TestSupport", dependencies: ["Units"], path: "Tests/TestSupport",
            swiftSettings: swift),
        tests("Units", needs: ["Units", bigInt]),
        tests("CgroupFormat", needs: ["CgroupFormat"]),
        tests("Metering", needs: ["Metering", "CgroupFormat", "Units"]),
        tests("Pricing", needs: ["Pricing", "Metering", "Units"]),
        tests(
            "Invoicing",
            needs: ["Invoicing", "Pricing", "Metering", "Units", bigInt, "TestHistories"]),
        tests(
            "Runtimes",
            needs: ["Runtimes", "CgroupFS", "CgroupFormat", "Limits", "Metering", "Units"]),
        tests("Sealing", needs: ["Sealing"]),
        tests("Limits", needs: ["Limits", "CgroupFormat", "Units"]),
        tests(
            "Reporting",
            needs: [
                "Reporting", "Invoicing", "Metering", "Pricing", "ReportFiles", "Units", bigInt,
            ]),
        tests("Host", needs: ["Host", "CgroupFormat", "Metering", "Units"]),
        tests("Settings", needs: ["Settings", "Host", "Limits", "Pricing", "Metering", "Units"]),
        tests(
            "Store",
            needs: [
                "Store", "Metering", "CgroupFormat", "Limits", "Units", grdb, "octroi-rehearse",
            ]),
        tests(
            "Billing",
            needs: [
                "Billing", "Store", "Metering", "CgroupFormat", "Pricing", "Invoicing", "Limits",
                "Units", "Host", "Settings", bigInt, grdb, yams, "TestHistories",
            ]),
        tests(
            "Enforcing",
            needs: [
                "Enforcing", "CgroupFormat", "CgroupFS", "CSystemd", "Limits", "Metering",
                "Pricing", "Invoicing", "Runtimes", "Store", "Billing", "Units", grdb,
            ]),
        tests("CgroupFS", needs: ["CgroupFS", "CgroupFormat", "Metering", "Units", systemPackage]),
        tests(
            "Daemon",
            needs: [
                "Daemon", "CgroupFS", "CgroupFormat", "Runtimes", "Store", "Billing", "Metering",
                "Units", "Host", "Pricing", "Invoicing", "Limits", "Settings", "TestKernel", grdb,
                lifecycle, logging, signals, systemPackage,
            ]),
        tests(
            "App",
            needs: [
                "App", "Billing", "CgroupFormat", "Enforcing", "Host", "Invoicing", "Limits",
                "Metering",
                "Pricing", "Reporting", "Settings", "Store", "Units", bigInt, grdb,
            ]),
        tests("CommandLine", needs: ["octroi", "octroi-churn", "Units"]),
        tests("Tidy", needs: []),
    ],
    swiftLanguageModes: [.v6]
)
