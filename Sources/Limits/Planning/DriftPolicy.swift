/// What to do when somebody else changed a limit (`drift:` in `limits.yaml`).
public enum DriftPolicy: String, Hashable, Sendable, CaseIterable, Codable {
    /// Write the desired value again.
    case reassert
    /// Take the new value as the desired one.
    case adopt
    /// Only report it.
    case alert
}
