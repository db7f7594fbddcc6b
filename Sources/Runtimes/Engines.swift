import Foundation

/// Facts about the service manager and the container engine of this host.
public enum Engines {
    /// The version of systemd as it reports it; `nil` if it does not run or does not answer.
    public static func systemdVersion() -> String? {
        guard ServiceManager.isSystemd else { return nil }
        return (try? SystemdBus(timeoutSeconds: 5))?.version
    }

    /// Docker's cgroup driver and API version; `nil` if it does not answer.
    ///
    /// - Returns: for example `("systemd", "1.47")`.
    public static func docker(
        _ sockets: RuntimeSockets = RuntimeSockets()
    ) -> (driver: String, api: String)? {
        struct Info: Decodable { var CgroupDriver: String }
        struct Version: Decodable { var ApiVersion: String }
        guard let socket = sockets.docker,
            let info = try? UnixHTTP.get("/info", at: socket, seconds: 10),
            let version = try? UnixHTTP.get("/version", at: socket, seconds: 5),
            let driver = try? JSONDecoder().decode(Info.self, from: info.body),
            let api = try? JSONDecoder().decode(Version.self, from: version.body)
        else { return nil }
        return (driver.CgroupDriver, api.ApiVersion)
    }
}
