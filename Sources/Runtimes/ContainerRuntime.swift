import Metering

/// A program that runs containers: how it names their cgroups, and whom to ask what they are called.
///
/// A runtime is a folder here with one type that conforms, a line in `ContainerRuntimes.all`, and rows in
/// docs/shapes.md. docs/extending.md goes through it step by step.
protocol ContainerRuntime: Sendable {
    /// The word in the store and in `octroi containers`: `docker`.
    var name: String { get }
    /// What the names of its scopes begin with, as in `docker-ID.scope`.
    var scopePrefixes: [String] { get }
    /// Whether what runs in it sees nothing of the host, so that a limit can do the host no harm.
    var isIsolated: Bool { get }
    /// Whether its containers have ids of 64 hexadecimal digits: a path without one may be made up.
    var isNamedByID: Bool { get }
    /// Whether its containers may have a name besides their path.
    var hasNames: Bool { get }

    /// What one more name of a path means; `nil` if this runtime makes no such names there.
    ///
    /// - Parameter place: where the name stands. Only names that a manager of the host made get here.
    func step(_ name: Substring, at place: Place) -> Step?

    /// Finds what the container at a path is called.
    func details(of path: String) -> NameFinder.Answer

    /// Words for rules of tenants that only this runtime knows, as labels that it alone gives:
    /// `pool: acme` of Proxmox.
    var ruleWords: [RuleWord] { get }
    /// What labels begin with that this runtime alone gives, from files of the host; `nil` for none.
    ///
    /// A rule trusts such a label, so no workload may give it to itself.
    var ownLabels: String? { get }
}

/// A word for a rule of tenants, and the label that the rule looks for.
struct RuleWord: Sendable {
    /// The key in tenants.yaml.
    var word: String
    var label: @Sendable (_ pattern: String) -> String
}

/// A rule of tenants by its key in tenants.yaml, also one that only some runtime knows.
///
/// `nil` for an unknown key.
public func tenantRule(kind: String, pattern: String) -> Rule? {
    if let rule = Rule(kind: kind, pattern: pattern) { return rule }
    let word = ContainerRuntimes.all.flatMap(\.ruleWords).first { $0.word == kind }
    return word.map { .label($0.label(pattern)) }
}

/// The keys of rules, in the order in which they are named to people.
public let tenantRuleKinds =
    ["slice", "root", "label", "namespace", "unit", "cgroup"]
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
    /// In the order in which they look at a name.
    static let all: [any ContainerRuntime] = [
        LXC(), Libvirt(), Docker(), BuildKit(), Podman(), Containerd(), CRIO(), Kubernetes(),
        Slurm(),
        Nomad(), Nspawn(), Machined(), Proxmox(), Systemd(),
    ]

    static func named(_ name: String) -> (any ContainerRuntime)? { byName[name] }

    private static let byName: [String: any ContainerRuntime] = Dictionary(
        all.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })

    /// What labels begin with that no workload may give itself.
    static let reservedLabels = all.compactMap(\.ownLabels)

    /// The runtime that a scope's name begins with, and what comes after.
    static func ofScope(_ stem: Substring) -> (runtime: String, rest: Substring)? {
        for runtime in all {
            for prefix in runtime.scopePrefixes {
                if let rest = stem.dropping(prefix: prefix) { return (runtime.name, rest) }
            }
        }
        return nil
    }
}
