import Metering

/// A program that runs containers: how it names cgroups, and how to find a container's name.
///
/// To add a runtime, add a folder here with one conforming type, an entry in
/// `ContainerRuntimes.all`, and rows in docs/shapes.md. docs/extending.md describes it step by
/// step.
protocol ContainerRuntime: Sendable {
    /// The runtime's name in the store and in `octroi containers`, such as `docker`.
    var name: String { get }
    /// Prefixes of its scopes' names, such as `docker-` for `docker-ID.scope`.
    var scopePrefixes: [String] { get }
    /// Whether its workloads see nothing of the host, so that a limit cannot harm the host.
    var isIsolated: Bool { get }
    /// Whether its containers have ids of 64 hexadecimal digits.
    ///
    /// A path without such an id may then be an imitation.
    var isNamedByID: Bool { get }
    /// Whether its containers may have a name other than their path.
    var hasNames: Bool { get }

    /// The meaning of one name of a path; `nil` if this runtime creates no such name there.
    ///
    /// - Parameters:
    ///   - name: one name of the path. Only names outside of containers are passed.
    ///   - place: where in the tree the name stands.
    func step(_ name: Substring, at place: Place) -> Step?

    /// Finds name, image and labels of the container at a path, waiting for a few seconds at most.
    func details(of path: String) -> NameFinder.Answer

    /// Keys of tenant rules that exist only for this runtime.
    ///
    /// Example: `pool: acme` of Proxmox VE. Each stands for a label that only this runtime sets.
    var ruleWords: [RuleWord] { get }
    /// The prefix of labels that only this runtime sets; `nil` if it has none.
    ///
    /// They come from files of the host. Rules trust these labels, so the same labels are ignored
    /// if a workload sets them.
    var ownLabels: String? { get }
}

/// A key of tenant rules that stands for a label.
struct RuleWord: Sendable {
    /// The key in tenants.yaml, such as `pool`.
    var word: String
    /// The label that a rule with this pattern looks for, such as `proxmox.pool=acme`.
    var label: @Sendable (_ pattern: String) -> String
}

/// Creates a rule from its key and pattern in tenants.yaml, including keys of single runtimes.
///
/// - Returns: `nil` if the key is unknown.
public func tenantRule(kind: String, pattern: String) -> Rule? {
    if let rule = Rule(kind: kind, pattern: pattern) { return rule }
    let word = ContainerRuntimes.all.flatMap(\.ruleWords).first { $0.word == kind }
    return word.map { .label($0.label(pattern)) }
}

/// All keys of tenant rules, in the order in which help texts list them.
public let tenantRuleKinds =
    ["slice", "root", "label", "namespace", "unit", "cgroup", "storage"]
    + ContainerRuntimes.all.flatMap(\.ruleWords).map(\.word)

extension ContainerRuntime {
    var scopePrefixes: [String] { [] }
    var isIsolated: Bool { false }
    var isNamedByID: Bool { false }
    var hasNames: Bool { true }
    func step(_ name: Substring, at place: Place) -> Step? { nil }
    func details(of path: String) -> NameFinder.Answer { .unknown }
    var ruleWords: [RuleWord] { [] }
    var ownLabels: String? { nil }
}

/// The runtimes that Octroi knows.
enum ContainerRuntimes {
    /// All runtimes, in the order in which they are asked about a name.
    ///
    /// systemd is last, because a unit that an engine named belongs to the engine.
    static let all: [any ContainerRuntime] = [
        LXC(), Libvirt(), Docker(), BuildKit(), Podman(), Containerd(), CRIO(), Kubernetes(),
        Slurm(),
        Nomad(), Nspawn(), Machined(), Proxmox(), Systemd(),
    ]

    /// The runtime with a name; `nil` if there is none.
    static func named(_ name: String) -> (any ContainerRuntime)? { byName[name] }

    private static let byName: [String: any ContainerRuntime] = Dictionary(
        all.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })

    /// Prefixes of labels that a workload must not set itself; see `ContainerRuntime.ownLabels`.
    static let reservedLabels = all.compactMap(\.ownLabels)

    /// Splits a scope's name into the runtime that its prefix belongs to and the rest.
    ///
    /// Example: `docker-ID` gives `docker` and `ID`.
    static func ofScope(_ stem: Substring) -> (runtime: String, rest: Substring)? {
        for runtime in all {
            for prefix in runtime.scopePrefixes {
                if let rest = stem.dropping(prefix: prefix) { return (runtime.name, rest) }
            }
        }
        return nil
    }
}
