import Foundation
import TestSupport
import Testing

/// The pages of `docs/` and the README say what is true: their examples are run, their links followed.
@Suite struct DocsTests {
    static let pages = [
        "README.md", "docs/quick-start.md", "docs/install.md", "docs/metering.md", "docs/prices.md",
        "docs/invoices.md", "docs/limits.md", "docs/budgets.md", "docs/store.md",
        "docs/extending.md", "docs/architecture.md", "docs/commands.md", "docs/shapes.md",
    ]

    /// Pages with examples that are run.
    static let examples = pages.filter { (try? DocsPage($0).commands.isEmpty) == false }

    private func text(_ page: String) throws -> String {
        try String(contentsOfFile: "\(repository)/\(page)", encoding: .utf8)
    }

    /// Each example is pasted into a shell, page by page, in a folder with the shipped configuration.
    @Test(arguments: examples)
    func examplesRun(page: String) throws {
        let desk = try DocsDesk(isPrepared: page != "docs/quick-start.md")
        for command in try DocsPage(page).commands {
            let result = try desk.run(command.line)
            #expect(result.status == 0, "\(page): $ \(command.line)\n\(result.errors)")
            #expect(command.fits(result.output), "\(page): $ \(command.line)\n\(result.output)")
        }
    }

    @Test func mostPagesHaveExamples() throws {
        #expect(Self.examples.count >= 7)
        let commands = try Self.examples.flatMap { try DocsPage($0).commands }
        #expect(commands.count > 40)
    }

    @Test func theReadmeIsShort() throws {
        #expect(
            try text("README.md").split(separator: "\n", omittingEmptySubsequences: false).count
                <= 150)
    }

    /// Links lead to files that are there, and to headings that they have.
    @Test(arguments: pages)
    func linksLeadSomewhere(page: String) throws {
        let folder = URL(fileURLWithPath: "\(repository)/\(page)").deletingLastPathComponent()
        for match in try text(page).matches(of: /\]\(([^)#:]*)(?:#([^)]*))?\)/) {
            let target =
                match.1.isEmpty
                ? URL(fileURLWithPath: "\(repository)/\(page)")
                : folder.appending(path: String(match.1))
            #expect(FileManager.default.fileExists(atPath: target.path), "\(page): \(match.0)")
            guard let heading = match.2 else { continue }
            let headings = try String(contentsOf: target, encoding: .utf8)
                .matches(of: /(?m)^#+ (.*)$/).map {
                    $0.1.lowercased().replacing(" ", with: "-")
                }
            #expect(headings.contains(String(heading)), "\(page): \(match.0)")
        }
    }

    /// Every page is in the README's table.
    @Test func theReadmeListsEveryPage() throws {
        let readme = try text("README.md")
        for page in try FileManager.default.contentsOfDirectory(atPath: "\(repository)/docs")
        where page.hasSuffix(".md") {
            #expect(readme.contains("(docs/\(page))"), "README.md does not link docs/\(page)")
        }
    }

    /// docs/commands.md is what `--help` says; OCTROI_GOLDEN=write writes it anew.
    @Test func theCommandReferenceIsTheHelp() throws {
        var page = """
            # Commands

            This page is the `--help` of every command. `make test` fails when it is out of date, and
            `OCTROI_GOLDEN=write make test` writes it anew.

            """
        try addHelp(of: [], to: &page)
        let path = "\(repository)/docs/commands.md"
        if ProcessInfo.processInfo.environment["OCTROI_GOLDEN"] == "write" {
            try page.write(toFile: path, atomically: true, encoding: .utf8)
        }
        #expect(try String(contentsOfFile: path, encoding: .utf8) == page)
    }

    private func addHelp(of words: [String], to page: inout String) throws {
        let help = try octroi(words + ["--help"], store: "/nowhere/octroi.db").output
        page += "\n## octroi \(words.joined(separator: " "))".trimmingCharacters(in: .whitespaces)
        page += "\n\n```text\n\(help.trimmingCharacters(in: .newlines))\n```\n"
        // What wraps cannot be copied into a shell.
        let examples = help.firstMatch(of: /EXAMPLES?\n(?s)(.*?)\n\n/)
        for example in try #require(examples, "\(words): no example").1.split(separator: "\n") {
            #expect(example.contains(/^ +(octroi|systemctl|zcat) ?/), "\(words): \(example)")
        }
        guard let list = help.split(separator: "SUBCOMMANDS:\n").dropFirst().first else { return }
        for line in list.split(separator: "\n") {
            guard let match = line.firstMatch(of: /^  ([a-z-]+)( \(default\))? {2,}/) else {
                continue
            }
            try addHelp(of: words + [String(match.1)], to: &page)
        }
    }
}

/// A page's examples: blocks of ```console, a command behind each `$`, and what it prints.
struct DocsPage {
    struct Command {
        var line: String
        /// What the page says that it prints; `…` alone stands for any lines.
        var output: [String]

        func fits(_ printed: String) -> Bool {
            if output.filter({ !$0.isEmpty }) == ["…"] { return true }
            func lines(_ all: some Sequence<some StringProtocol>) -> [String] {
                all.map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
            }
            return lines(output) == lines(printed.split(separator: "\n"))
        }
    }

    let commands: [Command]

    init(_ page: String) throws {
        let text = try String(contentsOfFile: "\(repository)/\(page)", encoding: .utf8)
        var commands: [Command] = []
        for block in text.matches(of: /(?s)```console\n(.*?)```/) {
            for line in block.1.split(separator: "\n", omittingEmptySubsequences: false) {
                if line.hasPrefix("$ ") {
                    commands.append(Command(line: String(line.dropFirst(2)), output: []))
                } else if !commands.isEmpty {
                    commands[commands.count - 1].output.append(String(line))
                }
            }
        }
        self.commands = commands
    }
}

/// A folder with the shipped configuration, a tree of cgroups, and usage of October 2026.
private struct DocsDesk {
    private let folder: TemporaryFolder
    private let environment: [String: String]

    /// - Parameter isPrepared: whether the configuration and the usage are in the store already.
    init(isPrepared: Bool) throws {
        folder = try TemporaryFolder()
        let files = FileManager.default
        try files.createDirectory(
            atPath: "\(folder.path)/config", withIntermediateDirectories: false)
        for name in ["tenants.yaml", "prices.yaml", "limits.yaml", "budgets.yaml", "tariffs"] {
            try files.copyItem(
                atPath: "\(repository)/config/\(name)", toPath: "\(folder.path)/config/\(name)")
        }
        try folder.write("cgroup_root: \(folder.path)/tree\n", to: "config/octroi.yaml")
        for (file, text) in [
            "cpu.max": "max 100000", "cpu.weight": "100", "memory.max": "max", "pids.max": "max",
            "memory.high": "max", "memory.current": "4096", "pids.current": "3",
            "cgroup.controllers": "cpu memory pids", "cgroup.procs": "1",
            "cpu.stat": "usage_usec 5000000", "memory.stat": "anon 0\nfile 4096\nkernel 0",
        ] {
            try folder.write(text + "\n", to: "tree/tenant-acme.slice/\(file)")
        }
        try folder.write(
            """
            start,end,tenant,container,meter,quantity
            2026-10-05T10:00:00Z,2026-10-05T12:00:00Z,acme,render-1,cpu,7200000000
            2026-10-06T10:00:00Z,2026-10-06T11:00:00Z,lab,train-1,cpu,3600000000

            """, to: "rented.csv")
        try folder.write(
            """
            budgets:
              - { tenant: acme, amount: "0.05", per: month, ladder: strict }
            ladders:
              - { id: strict, steps: [ { at: 50, do: warn }, { at: 100, do: freeze } ] }

            """, to: "stricter.yaml")
        environment = [
            "OCTROI_DB": "\(folder.path)/octroi.db", "OCTROI_CONFIG": "\(folder.path)/config",
            "PATH": URL(fileURLWithPath: octroiPath).deletingLastPathComponent().path + ":"
                + (ProcessInfo.processInfo.environment["PATH"] ?? ""),
        ]
        guard isPrepared else { return }
        for line in ["octroi apply", "octroi usage import rented.csv"] {
            let result = try run(line)
            #expect(result.status == 0, "\(line): \(result.errors)")
        }
    }

    /// Pastes a line into a shell.
    func run(_ line: String) throws -> ProcessResult {
        let running = try RunningProcess(
            "/bin/sh", ["-c", "cd '\(folder.path)' && { \(line); }"], environment: environment,
            isRead: true)
        let text = running.output.fileHandleForReading.readDataToEndOfFile()
        running.process.waitUntilExit()
        return ProcessResult(
            status: running.process.terminationStatus,
            output: String(decoding: text, as: UTF8.self), errors: running.said())
    }
}
