import CSystemd

/// Tells systemd the state of this service (sd_notify(3)).
///
/// Without a service manager the calls do nothing.
public enum ServiceManager {
    /// Reports that the service has started and does its work.
    public static func ready(status: String) { sd_notify(0, "READY=1\nSTATUS=\(status)") }
    /// Sets the one-line status that `systemctl status` shows.
    public static func status(_ text: String) { sd_notify(0, "STATUS=\(text)") }
    /// Reports that the service is shutting down.
    public static func stopping() { sd_notify(0, "STOPPING=1") }

    /// Whether systemd runs this host (sd_booted(3)).
    public static var isSystemd: Bool { sd_booted() > 0 }
}
