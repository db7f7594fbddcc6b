import Units

/// One mount according to `/proc/self/mountinfo` (proc_pid_mountinfo(5)).
public struct Mount: Hashable, Sendable {
    /// Where it is mounted.
    ///
    /// Escapes such as `\040` for a blank are decoded.
    public var point: String
    /// The options of this mount, such as `rw`.
    public var options: Set<Substring>
    /// The file system type, such as `ext4` or `cgroup2`.
    public var type: String
    /// What is mounted, such as `/dev/vda1`; escapes are decoded.
    public var source: String
    /// The options of the file system itself, such as `nsdelegate`.
    public var typeOptions: Set<Substring>

    /// All mounts in the order of the file.
    ///
    /// Lines of another form are ignored.
    public static func all(in mountinfo: String) -> [Mount] {
        mountinfo.split(separator: "\n").compactMap(Mount.init)
    }

    /// Parses one line: six fields, optional fields, a `-`, then three more fields.
    ///
    /// Example: `29 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw`.
    private init?(_ line: Substring) {
        let halves = line.split(separator: " - ", maxSplits: 1).map { $0.split(separator: " ") }
        guard halves.count == 2, halves[0].count > 5, halves[1].count > 2 else { return nil }
        point = unescaped(halves[0][4])
        options = Set(halves[0][5].split(separator: ","))
        (type, source) = (String(halves[1][0]), unescaped(halves[1][1]))
        typeOptions = Set(halves[1][2].split(separator: ","))
    }

    /// Whether a path is the mount point or below it.
    public func holds(_ path: String) -> Bool {
        point == "/" || path == point || path.hasPrefix(point + "/")
    }
}

extension [Mount] {
    /// The mount that a path belongs to: the one with the longest mount point above the path.
    ///
    /// Of several mounts at the same point it is the last one, which covers the others.
    public func holding(_ path: String) -> Mount? {
        var best: Mount?
        for mount in self where mount.holds(path) {
            if mount.point.utf8.count >= best?.point.utf8.count ?? 0 { best = mount }
        }
        return best
    }
}

/// Decodes a field in which the kernel wrote blanks, tabs, newlines and backslashes as escapes.
private func unescaped(_ field: Substring) -> String {
    String(decoding: ByteEscape.octal.decode(field) { _ in true }, as: UTF8.self)
}
