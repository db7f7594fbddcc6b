import Units

extension Rule {
    /// What to write instead, if the rule can never match anything; `nil` for a valid rule.
    ///
    /// Example: for `unit: acme` it is to write a name that ends with .service or .scope.
    public var suggestion: String? {
        switch self {
        case .slice: sliceCure
        case .root, .cgroup: pathCure
        case .storage: folderCure
        case .label, .namespace, .unit:
            pattern.isEmpty
                ? "Write a pattern"
                : pattern.utf8.contains { $0 < 0x20 || $0 == 0x7F }
                    ? "Leave out line ends and other control characters" : wordCure
        }
    }

    /// The suggestion for a rule `slice`.
    ///
    /// A slice is no glob. systemd's slices have no `/` and no control characters in their names.
    private var sliceCure: String? {
        let isSlice = pattern.hasSuffix(".slice") && pattern.utf8.count > 6
        let isName =
            pattern.utf8.count <= 255 && pattern.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
        guard isSlice, isName, !pattern.contains("/") else {
            return "Write a slice's name, such as tenant-acme.slice"
        }
        if pattern.contains("*") || pattern.contains("?") {
            return "Write one slice's whole name, or cgroup: with a path that has * in it"
        }
        // a-b.slice lies in a.slice, so systemd refuses names with nothing before or after a dash.
        let parts = pattern.dropLast(6).split(separator: "-", omittingEmptySubsequences: false)
        return parts.contains("")
            ? "Write a slice's name such as tenant-acme.slice, with no - at its ends and no --: "
                + "systemd refuses those" : nil
    }

    /// The suggestion for a rule `namespace`: Kubernetes requires an RFC 1123 label.
    private var namespaceCure: String? {
        let isPlain = pattern.utf8.allSatisfy {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                || $0 == UInt8(ascii: "-")
        }
        let isName = isPlain && pattern.utf8.count <= 63
        return isName && !pattern.hasPrefix("-") && !pattern.hasSuffix("-")
            ? nil
            : "Write one namespace's whole name: a-z, 0-9 and -, with - not at its ends, 63 "
                + "characters at most"
    }

    /// The suggestion for a rule `root` or `cgroup`.
    ///
    /// Both are paths below the cgroup2 mount; a `cgroup` rule may contain wildcards.
    private var pathCure: String? {
        guard pattern.hasPrefix("/"), pattern.utf8.count > 1, !pattern.hasSuffix("/") else {
            return "Write a path under the cgroup2 mount, such as /tenants/acme"
        }
        // The kernel refuses a cgroup with a newline in its name (kernel/cgroup/cgroup.c).
        guard !pattern.utf8.contains(UInt8(ascii: "\n")), !pattern.utf8.contains(0) else {
            return "Leave out the line end or NUL: no cgroup has one in its name"
        }
        let names = pattern.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        if names.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." }) {
            return "Write the path as the kernel has it, without //, . and .."
        }
        // A name that matches a pattern with a star may be shorter than the pattern.
        let isLong = names.contains { !$0.contains("*") && $0.utf8.count > 255 }
        return isLong ? "Let every name in the path have 255 bytes at most" : nil
    }

    /// The suggestion for a rule `storage`: the absolute path of one folder.
    private var folderCure: String? {
        let names = pattern.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        let isPath =
            pattern.hasPrefix("/") && pattern.utf8.count > 1 && pattern.utf8.count < 4096
            && !names.contains { $0.isEmpty || $0 == "." || $0 == ".." || $0.utf8.count > 255 }
        guard isPath, pattern.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            return "Write the absolute path of one folder, such as /srv/acme, without //, . and .."
        }
        return nil
    }

    /// The suggestion for a rule `label`, `unit` or `namespace` whose pattern is not empty.
    private var wordCure: String? {
        switch self {
        case .label:
            return pattern.hasPrefix("=") ? "Write key=value, or key for any value" : nil
        case .unit:
            // The text after the last wildcard must be able to end a unit's name.
            let tail =
                pattern.split(
                    omittingEmptySubsequences: false, whereSeparator: { $0 == "*" || $0 == "?" }
                ).last ?? ""
            let canEnd = [".service", ".scope"].contains {
                $0.hasSuffix(tail) || tail.hasSuffix($0)
            }
            if pattern.contains("/") || !canEnd {
                return "Write a unit's name that ends with .service or .scope, such as "
                    + "acme-*.service"
            }
            let isLong = !pattern.contains("*") && pattern.utf8.count > 255
            return isLong ? "Write a unit's name of 255 bytes at most" : nil
        case .namespace: return namespaceCure
        case .slice, .root, .cgroup, .storage: return nil
        }
    }
}
