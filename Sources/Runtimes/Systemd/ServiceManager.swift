import CSystemd

/// Words to systemd, by sd_notify(3).
///
/// Without a service manager they go nowhere.
public enum ServiceManager {
    /// The service does its work now.
    public static func ready(status: String) { sd_notify(0, "READY=1\nSTATUS=\(status)") }
    public static func status(_ text: String) { sd_notify(0, "STATUS=\(text)") }
    public static func stopping() { sd_notify(0, "STOPPING=1") }

    /// Whether systemd runs this host (sd_booted(3)).
    public static var isSystemd: Bool { sd_booted() > 0 }
}
