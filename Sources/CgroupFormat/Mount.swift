/// One mount of `/proc/self/mountinfo` (proc_pid_mountinfo(5)).
public struct Mount: Hashable, Sendable {
    /// Where it is mounted, its `\\040` escapes undone.
    public var point: String
    /// The mount's own options, such as `rw`.
    public var options: Set<Substring>
    /// The file system, such as `ext4` or `cgroup2`.
    public var type: String
    /// What is mounted there, such as `/dev/vda1`, its escapes undone.
    public var source: String
    /// The file system's options, such as `nsdelegate`.
    public var typeOptions: Set<Substring>

    /// The mounts of the whole file, in its order; a line of another shape is left out.
    public static func all(in mountinfo: String) -> [Mount] {
        mountinfo.split(separator: "\n").compactMap(Mount.init)
    }

    private init?(_ line: Substring) {
        let halves = line.split(separator: " - ", maxSplits: 1).map { $0.split(separator: " ") }
        guard halves.count == 2, halves[0].count > 5, halves[1].count > 2 else { return nil }
        point = unescaped(halves[0][4])
        options = Set(halves[0][5].split(separator: ","))
        (type, source) = (String(halves[1][0]), unescaped(halves[1][1]))
        typeOptions = Set(halves[1][2].split(separator: ","))
    }

    /// Whether a path lies on it or below it.
    public func holds(_ path: String) -> Bool {
        point == "/" || path == point || path.hasPrefix(point + "/")
    }
}

extension [Mount] {
    /// The mount that a path lies on: of several at one place the last, which covers the others.
    public func holding(_ path: String) -> Mount? {
        var best: Mount?
        for mount in self where mount.holds(path) {
            if mount.point.utf8.count >= best?.point.utf8.count ?? 0 { best = mount }
        }
        return best
    }
}

/// A field in which the kernel wrote blanks, newlines and backslashes as three octal digits.
private func unescaped(_ field: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = Array(field.utf8)[...]
    while let byte = rest.popFirst() {
        let octal = String(decoding: rest.prefix(3), as: UTF8.self)
        if byte == UInt8(ascii: "\\"), let value = UInt8(octal, radix: 8) {
            bytes.append(value)
            rest.removeFirst(3)
        } else {
            bytes.append(byte)
        }
    }
    return String(decoding: bytes, as: UTF8.self)
}
