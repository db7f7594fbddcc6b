import Units
import Yams

/// A value in a YAML file, together with its place in the file.
///
/// The place makes errors useful: they name file, line and key, as in `prices.yaml:7:
/// books[0].currency`.
struct YAMLValue {
    /// The value as the YAML parser returned it.
    let node: Node
    /// The path of the file, as the user wrote it.
    let file: String
    /// The keys that lead to the value, such as `books[0].meters.cpu`; empty for the whole file.
    let key: String

    /// Parses the text of a file.
    ///
    /// - Returns: `nil` if the file has no content.
    /// - Throws: `badData` with the line, for wrong syntax and for a key that occurs twice.
    static func parse(_ text: String, file: String) throws(Fault) -> YAMLValue? {
        do {
            return try Yams.compose(yaml: text).map { YAMLValue(node: $0, file: file, key: "") }
        } catch let error as YamlError {
            throw fault(error, text, file)
        } catch {
            throw Fault(.badData, at: file, problem: "\(error)", suggestion: "Correct the YAML")
        }
    }

    /// Converts an error of the YAML parser to a fault that names file and line.
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

    /// Describes keys that occur twice in a mapping, with the line of the second occurrence.
    ///
    /// The parser only gives the place where the mapping begins. So the key is searched in the
    /// lines from there on, at the column of the mapping. If it is not found twice, or several keys
    /// are duplicates, the line is that of the mapping.
    ///
    /// - Parameters:
    ///   - keys: the keys that occur twice.
    ///   - mark: where the mapping begins; its line and column count from 1.
    ///   - text: the text of the whole file.
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

    /// An error about this value.
    ///
    /// - Parameters:
    ///   - found: what is wrong, with the value that was found.
    ///   - suggestion: what to write instead.
    func fault(_ found: String, _ suggestion: String) -> Fault {
        Fault(.badData, at: place, problem: found, suggestion: suggestion)
    }

    /// File, line and key, such as `limits.yaml:4: limits[0].cpu`.
    ///
    /// The key is escaped and shortened, because it comes from the file.
    var place: String {
        let name = escapingControlCharacters(shortened(key, to: 200))
        return position + (name.isEmpty ? "" : ": \(name)")
    }

    /// File and line, such as `limits.yaml:4`.
    var position: String { file + (node.mark.map { ":\($0.line)" } ?? "") }

    /// The text of a scalar, whatever its YAML type: `4` and `"4"` are the same.
    ///
    /// - Throws: `badData` for a list, a mapping, and a text with a NUL character.
    func text() throws(Fault) -> String {
        guard let scalar = node.scalar else {
            throw fault("not a single value", "Write one value")
        }
        // For SQLite and the kernel, a NUL character is the end of the text.
        guard !scalar.string.utf8.contains(0) else {
            throw fault("a text with a NUL character in it", "Take the character out")
        }
        return scalar.string
    }

    /// Converts the text of a scalar to a value.
    ///
    /// ```swift
    /// let isOn = try value.value("on or off") { ["on": true, "off": false][$0] }
    /// ```
    ///
    /// - Parameters:
    ///   - expected: what may be written, for the error; it follows the word "Write".
    ///   - read: converts the text; `nil` if it is not acceptable.
    /// - Throws: `badData` for a text that `read` does not accept.
    func value<Value>(
        _ expected: String, _ read: (String) -> Value?
    ) throws(Fault) -> Value {
        let text = try text()
        guard let value = read(text) else { throw fault(quoted(text), "Write \(expected)") }
        return value
    }

    /// Converts decimal text in quotes to a value.
    ///
    /// A bare number is refused: programs that process YAML usually read it as floating point, and
    /// digits get lost.
    ///
    /// - Parameter read: converts the text; `nil` if it is not acceptable.
    func decimal<Value>(_ read: (String) -> Value?) throws(Fault) -> Value {
        if let scalar = node.scalar, scalar.style == .plain {
            let number = quoted(scalar.string)
            throw fault(
                "the bare number \(number.dropFirst().dropLast())",
                "Put it in quotes, \(number): bare numbers lose digits")
        }
        return try value("a plain decimal in quotes, such as \"0.04048\"", read)
    }

    /// The items of a list.
    ///
    /// - Throws: `badData` if the value is no list.
    func list() throws(Fault) -> [YAMLValue] {
        guard let sequence = node.sequence else { throw fault("not a list", "Write a list: - …") }
        return sequence.enumerated().map { index, node in
            YAMLValue(node: node, file: file, key: "\(key)[\(index)]")
        }
    }

    /// The members of a mapping, all of whose keys must be known.
    ///
    /// An unknown key is refused, because it is usually a misspelt one: the setting that was meant
    /// would keep its default unnoticed.
    ///
    /// - Parameter known: all keys that are allowed.
    /// - Throws: `badData` for any other key.
    func members(_ known: [String]) throws(Fault) -> YAMLMembers {
        let members = try anyMembers()
        for (name, value) in members where !known.contains(name) {
            throw value.fault(
                "the unknown key \(quoted(name))", "Use one of \(known.joined(separator: ", "))")
        }
        return YAMLMembers(owner: self, members: Dictionary(members) { first, _ in first })
    }

    /// The members of a mapping with any keys, such as the meters of a book, in the file's order.
    ///
    /// - Throws: `badData` if the value is no mapping, or a key is no plain text.
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

/// The members of one mapping, for access by key.
struct YAMLMembers {
    /// The mapping itself: the place that errors about missing keys name.
    let owner: YAMLValue
    /// The values by key.
    let members: [String: YAMLValue]

    /// The value of a key; `nil` if the mapping does not have it.
    subscript(_ name: String) -> YAMLValue? { members[name] }

    /// The value of a key that must not be missing.
    ///
    /// - Throws: `badData` if it is missing.
    func required(_ name: String) throws(Fault) -> YAMLValue {
        guard let value = members[name] else {
            throw owner.fault("no \"\(name)\"", "Add \(name): to it")
        }
        return value
    }

    /// The case of an enumeration that a key names; the default if the key is missing.
    ///
    /// - Throws: `badData` for a word that names no case. The error lists all cases.
    func choice<Choice: RawRepresentable & CaseIterable>(
        _ name: String, default fallback: Choice
    ) throws(Fault) -> Choice where Choice.RawValue == String {
        guard let value = members[name] else { return fallback }
        let words = Choice.allCases.map(\.rawValue).joined(separator: ", ")
        return try value.value("one of \(words)", Choice.init(rawValue:))
    }
}

/// The names in a set of files that are applied together, each with its place.
///
/// Two entries for the same tenant or book are an error, because the later one would silently
/// replace the earlier one. This is a class, so that the readers of all files share one list.
final class WrittenNames {
    /// File and line of each name.
    private var places: [String: String] = [:]

    /// Records a name, such as `tenant "acme"`.
    ///
    /// - Parameters:
    ///   - item: the entry with the name.
    ///   - suggestion: what to do if the name is there already, for the error.
    /// - Throws: `badData` with both places if the name is there already, in this file or another.
    func add(_ name: String, _ item: YAMLValue, suggestion: String) throws(Fault) {
        guard let first = places.updateValue(item.position, forKey: name) else { return }
        throw item.fault("\(name) a second time; the first is at \(first)", suggestion)
    }
}
