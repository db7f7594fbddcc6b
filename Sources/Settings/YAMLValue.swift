import Units
import Yams

/// A value of a YAML file that knows where it stands, so that every fault names line and key.
struct YAMLValue {
    let node: Node
    let file: String
    /// The keys that lead to it, `books[0].meters.cpu`.
    let key: String

    /// Parses a file.
    static func parse(_ text: String, file: String) throws(Fault) -> YAMLValue? {
        do {
            return try Yams.compose(yaml: text).map { YAMLValue(node: $0, file: file, key: "") }
        } catch let error as YamlError {
            throw fault(error, text, file)
        } catch {
            throw Fault(.badData, at: file, problem: "\(error)", suggestion: "Correct the YAML")
        }
    }

    private static func fault(_ error: YamlError, _ text: String, _ file: String) -> Fault {
        let (line, said): (Int?, String) =
            switch error {
            case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
                .composer(_, let problem, let mark, _):
                (mark.line, problem)
            case .duplicatedKeysInMapping(let duplicates, let context):
                said(duplicates.sorted(), twiceIn: context.mark, of: text)
            default: (nil, "\(error)")
            }
        let place = line.map { "\(file):\($0)" } ?? file
        if case .duplicatedKeysInMapping = error {
            return Fault(
                .badData, at: place, problem: escapingControlCharacters(shortened(said, to: 300)),
                suggestion: "Keep one of them")
        }
        return Fault(
            .badData, at: place,
            problem: "not YAML: \(escapingControlCharacters(shortened(said, to: 300)))",
            suggestion:
                "Correct the syntax; indent with spaces and quote values with special characters")
    }

    /// Where the first of some keys stands for the second time in the mapping that begins at a mark.
    private static func said(
        _ keys: [String], twiceIn mark: Mark, of text: String
    ) -> (line: Int, String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let places = lines.indices.dropFirst(mark.line - 1).filter { index in
            let rest = lines[index].dropFirst(mark.column - 1)
            return keys.contains { key in
                ["", "\"", "'"].contains { rest.hasPrefix("\($0)\(key)\($0):") }
            }
        }
        let words = "the key \(keys.joined(separator: ", ")) twice"
        guard let first = places.first, let second = places.dropFirst().first, keys.count == 1
        else { return (mark.line, words) }
        return (second + 1, "\(words): here and in line \(first + 1)")
    }

    /// A fault about this value.
    func fault(_ found: String, _ suggestion: String) -> Fault {
        Fault(.badData, at: place, problem: found, suggestion: suggestion)
    }

    /// The file, the line and the key.
    var place: String {
        let name = escapingControlCharacters(shortened(key, to: 200))
        return position + (name.isEmpty ? "" : ": \(name)")
    }

    /// The file and the line it stands in.
    var position: String { file + (node.mark.map { ":\($0.line)" } ?? "") }

    /// The text of a scalar.
    func text() throws(Fault) -> String {
        guard let scalar = node.scalar else {
            throw fault("not a single value", "Write one value")
        }
        // SQLite and the kernel would take the text to end there.
        guard !scalar.string.utf8.contains(0) else {
            throw fault("a text with a NUL character in it", "Take the character out")
        }
        return scalar.string
    }

    /// The text of a scalar, read by `read`.
    func value<Value>(
        _ expected: String, _ read: (String) -> Value?
    ) throws(Fault) -> Value {
        let text = try text()
        guard let value = read(text) else { throw fault(quoted(text), "Write \(expected)") }
        return value
    }

    /// Decimal text that must stand in quotes, as a bare number would pass through floating point.
    func decimal<Value>(_ read: (String) -> Value?) throws(Fault) -> Value {
        if let scalar = node.scalar, scalar.style == .plain {
            let number = quoted(scalar.string)
            throw fault(
                "the bare number \(number.dropFirst().dropLast())",
                "Put it in quotes, \(number): bare numbers lose digits")
        }
        return try value("a plain decimal in quotes, such as \"0.04048\"", read)
    }

    func list() throws(Fault) -> [YAMLValue] {
        guard let sequence = node.sequence else { throw fault("not a list", "Write a list: - …") }
        return sequence.enumerated().map { index, node in
            YAMLValue(node: node, file: file, key: "\(key)[\(index)]")
        }
    }

    /// The mapping's members; `known` names every key that may stand in it.
    func members(_ known: [String]) throws(Fault) -> YAMLMembers {
        let members = try anyMembers()
        for (name, value) in members where !known.contains(name) {
            throw value.fault(
                "the unknown key \(quoted(name))", "Use one of \(known.joined(separator: ", "))")
        }
        return YAMLMembers(owner: self, members: Dictionary(members) { first, _ in first })
    }

    /// The mapping's members, whatever their keys.
    func anyMembers() throws(Fault) -> [(name: String, value: YAMLValue)] {
        guard let mapping = node.mapping else {
            throw fault("not a mapping", "Write key: value lines")
        }
        var members: [(String, YAMLValue)] = []
        for (name, node) in mapping {
            guard let text = name.scalar?.string else {
                throw fault("a key that is not one word", "Write key: value lines")
            }
            let path = key.isEmpty ? text : "\(key).\(text)"
            members.append((text, YAMLValue(node: node, file: file, key: path)))
        }
        return members
    }
}

/// The members of one mapping.
struct YAMLMembers {
    let owner: YAMLValue
    let members: [String: YAMLValue]

    subscript(_ name: String) -> YAMLValue? { members[name] }

    func required(_ name: String) throws(Fault) -> YAMLValue {
        guard let value = members[name] else {
            throw owner.fault("no \"\(name)\"", "Add \(name): to it")
        }
        return value
    }

    /// One of an enumeration's words, or the default.
    func choice<Choice: RawRepresentable & CaseIterable>(
        _ name: String, default fallback: Choice
    ) throws(Fault) -> Choice where Choice.RawValue == String {
        guard let value = members[name] else { return fallback }
        let words = Choice.allCases.map(\.rawValue).joined(separator: ", ")
        return try value.value("one of \(words)", Choice.init(rawValue:))
    }
}

/// Where each name of the files that are applied together was first written.
///
/// Of two entries for one tenant or book, the one that is read last would win in silence.
final class WrittenNames {
    private var places: [String: String] = [:]

    /// Remembers a name, `tenant "acme"`.
    ///
    /// - Throws: if it was written before, in this file or in another.
    func add(_ name: String, _ item: YAMLValue, suggestion: String) throws(Fault) {
        guard let first = places.updateValue(item.position, forKey: name) else { return }
        throw item.fault("\(name) a second time; the first is at \(first)", suggestion)
    }
}
