import Invoicing

extension PageText {
    /// The text of a caveat, with codes and meters in the page's language.
    ///
    /// A code without words in this language, and the name of a custom meter, stay as they are.
    func sentence(_ caveat: MeteringCaveat) -> String {
        caveat.text {
            labels["reason_\($0)"] ?? $0
        } meter: {
            labels["meter_" + $0.replacing(" ", with: "_")] ?? $0
        }
    }
}
