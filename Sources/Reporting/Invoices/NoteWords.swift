import Invoicing

extension PageText {
    /// The text of a remark, with codes and meters in the page's language.
    ///
    /// An issued invoice keeps its remarks as they were sealed, with codes such as
    /// `before_first_reading`. A code is replaced only at the place where its kind of remark has
    /// one, because a container's name may look like a code.
    func sentence(_ note: Note) -> String {
        switch note.kind {
        case .gap: lastWord(of: note.text, after: ": ")
        case .unmetered: unmeasured(note.text) ?? lastWord(of: note.text, after: ", ")
        case .assurance, .open, .audit: note.text
        }
    }

    /// The text with the code at its end replaced by words; unchanged if there is no known code.
    ///
    /// Example: `/web: until …, before_first_reading`, where the separator is `, `.
    private func lastWord(of text: String, after separator: String) -> String {
        guard let end = text.ranges(of: separator).last?.upperBound,
            let reason = reason(text[end...])
        else { return text }
        return text[..<end] + reason
    }

    /// A remark on time that was not measured, with its meters and its code replaced.
    ///
    /// The text is `/web: cpu, memory not measured from … to … (cpu.stat: malformed, detail)`.
    ///
    /// - Returns: `nil` for a text of another form.
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

    /// The words for a code; `nil` if it is unknown.
    private func reason(_ code: Substring) -> String? { labels["reason_\(code)"] }

    /// The name of a meter in the page's language; a custom meter keeps its own.
    private func meter(_ name: Substring) -> String {
        labels["meter_" + name.replacing(" ", with: "_")] ?? String(name)
    }
}
