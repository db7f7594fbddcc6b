import Invoicing

extension PageText {
    /// What a note says, with words of the page's language for the codes and meters in it.
    ///
    /// An issued invoice keeps its notes as they were sealed. A code is looked for only where notes have
    /// one: the name of a container may read like a code.
    func sentence(_ note: Note) -> String {
        switch note.kind {
        case .gap: lastWord(of: note.text, after: ": ")
        case .unmetered: unmeasured(note.text) ?? lastWord(of: note.text, after: ", ")
        case .assurance, .open, .audit: note.text
        }
    }

    /// `/web: until …, before_first_reading` with the last word as people say it.
    private func lastWord(of text: String, after separator: String) -> String {
        guard let end = text.ranges(of: separator).last?.upperBound,
            let reason = reason(text[end...])
        else { return text }
        return text[..<end] + reason
    }

    /// `/web: cpu, memory not measured from … to … (cpu.stat: malformed, detail)`; `nil` for others.
    private func unmeasured(_ text: String) -> String? {
        guard let middle = text.ranges(of: " not measured from ").first,
            let opening = text[middle.upperBound...].firstRange(of: " ("),
            let colon = text[opening.upperBound...].firstRange(of: ": "),
            let comma = text[colon.upperBound...].firstRange(of: ", "),
            let reason = reason(text[colon.upperBound..<comma.lowerBound])
        else { return nil }
        var head = text[..<middle.lowerBound]
        if let start = head.ranges(of: ": ").last?.upperBound {
            let meters = text[start..<middle.lowerBound].split(separator: ", ").map(meter)
            head = text[..<start] + meters.joined(separator: ", ")
        }
        return head + text[middle.lowerBound..<colon.upperBound] + reason
            + text[comma.lowerBound...]
    }

    private func reason(_ code: Substring) -> String? { labels["reason_\(code)"] }

    private func meter(_ name: Substring) -> String {
        labels["meter_" + name.replacing(" ", with: "_")] ?? String(name)
    }
}
