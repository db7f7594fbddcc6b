/// What to do when somebody else changed a limit.
public enum DriftPolicy: String, Hashable, Sendable, CaseIterable, Codable {
    /// Write the wanted value again.
    case reassert
    /// Want what is there now.
    case adopt
    /// Only say so.
    case alert
}
