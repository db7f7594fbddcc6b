import ArgumentParser
import CgroupFS
import Limits
import Reporting
import Store
import SystemPackage

struct LimitShow: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show the limits the kernel has for a tenant or container.",
        discussion: """
            EXAMPLES
              octroi limit show acme
              octroi limit show docker-4f0c…scope
            """)

    @OptionGroup var which: TargetOptions
    @OptionGroup var output: FormatOptions

    func run() throws {
        let store = try which.place.store(.read)
        let root = try which.openRoot(store)
        var rows: [[Cell]] = []
        for target in try which.targets(in: root, store) {
            let directory = try root.open(target.path)
            for key in LimitKey.allCases {
                let value = try? directory.limit(key)
                rows.append([
                    .text(target.path), .text(key.rawValue), .optional(value),
                    value == nil ? .text("the \(key.controller) controller is off here") : .none,
                ])
            }
        }
        try show(Sheet(columns: ["cgroup", "limit", "value", "note"], rows: rows), output.format)
    }
}

extension CgroupDirectory {
    /// The text of a limit's file, without its newline.
    func limit(_ key: LimitKey) throws(Errno) -> String {
        let text =
            switch key {
            case .cpuMax: try text(of: "cpu.max")
            case .cpuWeight: try text(of: "cpu.weight")
            case .memoryHigh: try text(of: "memory.high")
            case .memoryMax: try text(of: "memory.max")
            case .pidsMax: try text(of: "pids.max")
            }
        return String(text.split(separator: "\n").first ?? "")
    }
}
