import Foundation
import Testing
import TestSupport

/// The rules of the house that a machine can check.
@Suite struct TidyTests {
    private static let core = [
        "Units", "CgroupFormat", "Metering", "Pricing", "Invoicing", "Limits", "Reporting",
    ]

    /// Files of a folder of the repository, with their text.
    private func files(_ folder: String, _ suffix: String) throws -> [(path: String, text: String)]
    {
        let paths = try FileManager.default.subpathsOfDirectory(atPath: "\(repository)/\(folder)")
        return try paths.filter { $0.hasSuffix(suffix) }.sorted().map {
            (
                "\(folder)/\($0)",
                try String(contentsOfFile: "\(repository)/\(folder)/\($0)", encoding: .utf8)
            )
        }
    }

    /// The modules of the manifest and what each may use.
    private func manifest() throws -> [String: Set<String>] {
        let text = try String(contentsOfFile: "\(repository)/Package.swift", encoding: .utf8)
        let all =
            /(?:module\(\s*|\.executableTarget\(\s*name:\s*|\.target\(\s*name:\s*)"(\w+)"(?:,\s*(?:needs|dependencies):\s*\[([^\]]*)\])?/
        var modules: [String: Set<String>] = [:]
        let ofTests: Set<Substring> = [
            "FaultVFS", "TestHistories", "TestKernel", "TestSupport",
        ]
        for match in text.matches(of: all) where !ofTests.contains(match.1) {
            modules[String(match.1)] = Set(
                (match.2 ?? "").matches(of: /"(\w+)"/).map { String($0.1) })
        }
        return modules
    }

    @Test func theManifestNamesEveryModule() throws {
        let modules = try manifest()
        let folders = try FileManager.default.contentsOfDirectory(atPath: "\(repository)/Sources")
        #expect(
            Set(folders).subtracting(["CGcrypt", "CSystemd", "CZlib"]).subtracting(modules.keys)
                .isEmpty)
        #expect(
            modules["Store"]?.contains("Migrations") == true
                && modules["octroi"]?.contains("Daemon") == true)
    }

    @Test func importsFollowTheArrowsOfTheManifest() throws {
        let modules = try manifest()
        var seen = 0
        for (module, needs) in modules {
            for (path, text) in try files(
                module == "Migrations"
                    ? "migrations" : module == "ReportFiles" ? "reports" : "Sources/\(module)",
                ".swift")
            {
                for match in text.matches(of: /(?m)^(?:@\w+ )?import (\w+)/) {
                    let used = String(match.1)
                    guard modules[used] != nil else { continue }
                    seen += 1
                    #expect(
                        needs.contains(used),
                        "\(path) imports \(used), which Package.swift does not give to \(module)")
                }
            }
        }
        #expect(seen > 100, "the imports were looked at")
    }

    /// All modules, each above what it uses.
    private static let layers = [
        "CLinux", "CSystemd", "CGcrypt", "CZlib", "BigInt", "Units", "CgroupFormat", "Metering",
        "Pricing", "Invoicing", "Limits", "Sealing",
        "Reporting",
        // The shell.
        "Migrations", "ReportFiles", "Host", "CgroupFS",
        "Runtimes", "Store", "Billing", "Settings", "Enforcing", "App", "Daemon", "octroi",
    ]

    /// docs/architecture.md lists the same modules in the same order.
    @Test func arrowsGoDownTheList() throws {
        let place = Dictionary(uniqueKeysWithValues: Self.layers.enumerated().map { ($1, $0) })
        for (module, needs) in try manifest() {
            let own = try #require(place[module], "\(module) is not in the list of layers")
            for need in needs {
                guard let other = place[need] else { continue }
                #expect(other < own, "\(module) uses \(need), which stands above it")
            }
        }
        let page = try String(
            contentsOfFile: "\(repository)/docs/architecture.md", encoding: .utf8)
        let listed = page.matches(of: /(?m)^\| (`.*`) \|/).flatMap { row in
            row.1.matches(of: /`(\w+)`/).map { String($0.1) }
        }
        #expect(listed == Self.layers.filter { $0 != "BigInt" })
    }

    /// A function fits a screen.
    @Test func functionsAreShort() throws {
        var seen = 0
        for (path, text) in try files("Sources", ".swift") {
            for function in functions(in: text) {
                seen += 1
                #expect(
                    function.lines <= 70,
                    "\(path):\(function.line): \(function.lines) lines; take a part out")
            }
        }
        #expect(seen > 1500, "the functions were looked at")
    }

    /// The functions and initializers with a body of their own lines.
    private func functions(in text: String) -> [(line: Int, lines: Int)] {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let head =
            /^( *)(?:(?:public|package|private|fileprivate|static|mutating|override|final|consuming) )*(?:func |init[?(<]|deinit)/
        return lines.indices.compactMap { start in
            guard let match = lines[start].firstMatch(of: head) else { return nil }
            // The body opens at the first line that ends with a brace, of the same declaration.
            let indent = String(match.1)
            var open = start
            while open < lines.count, !lines[open].hasSuffix("{") {
                let isOver = open > start && lines[open].hasPrefix("\(indent)}")
                if isOver || lines[open].isEmpty || lines[open].hasSuffix("}") { return nil }
                open += 1
            }
            guard open < lines.count,
                let end = lines[open...].dropFirst().firstIndex(where: { $0 == "\(indent)}" })
            else { return nil }
            return (start + 1, end - start + 1)
        }
    }

    @Test func arrowsGoOneWay() throws {
        let modules = try manifest()
        var done: Set<String> = []
        func visit(_ module: String, _ way: [String]) {
            #expect(!way.contains(module), "a cycle: \(way + [module])")
            guard !way.contains(module), done.insert(module).inserted else { return }
            for next in modules[module] ?? [] { visit(next, way + [module]) }
        }
        for module in modules.keys { visit(module, []) }
    }

    @Test(arguments: core)
    func theCoreKnowsNoFileClockDatabaseOrFloat(module: String) throws {
        let modules = try manifest()
        let mayUse = Set(Self.core)
        #expect(modules[module]?.isSubset(of: mayUse) == true, "\(module) leaves the core")
        let sources = try files("Sources/\(module)", ".swift")
        #expect(!sources.isEmpty)
        for (path, text) in sources {
            for match in text.matches(of: /(?m)^import (\w+)/) {
                #expect(
                    mayUse.union(["BigInt", "Mustache"]).contains(String(match.1)),
                    "\(path) imports \(match.1)"
                )
            }
            for line in text.split(separator: "\n")
            where !line.drop(while: { $0 == " " }).hasPrefix("//") {
                #expect(
                    !line.contains(/\b(Double|Float|Decimal|Date\(|FileManager|print)\b/),
                    "\(path): \(line)")
            }
        }
    }

    private static let forbidden = [
        "try!", "as!", "@unchecked Sendable", "nonisolated(unsafe)", "fatalError", "TODO", "FIXME",
    ]

    @Test func filesAreShortAndSayNothingForbidden() throws {
        let sources = try files("Sources", ".swift")
        for (path, text) in sources {
            #expect(
                text.split(separator: "\n", omittingEmptySubsequences: false).count <= 400,
                "\(path) is too long")
            for word in Self.forbidden {
                #expect(!text.contains(word), "\(path)")
            }
        }
        for (path, text) in sources where !path.hasPrefix("Sources/Store/") {
            #expect(
                !text.contains(
                    /\b(SELECT|INSERT INTO|UPDATE|DELETE FROM)\b.*\b(FROM|SET|VALUES|WHERE)\b/),
                "\(path) knows SQL")
            #expect(!text.contains("import GRDB"), "\(path) knows the database")
        }
        for (path, text) in sources
        where !["Sources/CgroupFS/", "Sources/octroi/"].contains(where: path.hasPrefix) {
            #expect(!text.contains("/sys/fs/cgroup/"), "\(path) knows where cgroups are")
        }
    }

    @Test func everyMigrationAndReportIsEmbedded() throws {
        let manifest = try String(contentsOfFile: "\(repository)/Package.swift", encoding: .utf8)
        for folder in ["migrations", "reports"] {
            for (path, _) in try files(folder, ".sql") {
                #expect(
                    manifest.contains("\"\(URL(fileURLWithPath: path).lastPathComponent)\""),
                    "\(path)")
            }
        }
    }

    /// A test that waits for a time, or looks how long something took, fails by chance on a busy host.
    @Test func noTestWaitsForTheClock() throws {
        let tests = try files("Tests", ".swift")
        #expect(tests.contains { $0.path == "Tests/TestSupport/Waiting.swift" })
        let clocks =
            /\b(u|nano)?sleep\(|\btime\(nil\)|\bclock_gettime\(|\bDate\(\)|(Continuous|Suspending)Clock\b/
        for (path, text) in tests where path != "Tests/TestSupport/Waiting.swift" {
            for line in text.split(separator: "\n") where line.contains(clocks) {
                Issue.record("\(path) waits for the clock; use eventually: \(line)")
            }
        }
    }
}
