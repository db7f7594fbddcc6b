import CSystemd
import Foundation
import Glibc
import Synchronization

/// A bus that speaks D-Bus as systemd's manager does, and answers "done" to everything.
///
/// What a caller sets is noted, and done only if `onSet` does it: a manager whose success is none.
final class FakeBus: Sendable {
    let address: String
    private let listener: Int32
    private let calls = Mutex<[String]>([])
    private let peers = Mutex<[Int32]>([])
    private let isRefusing = Mutex(false)
    private let started = Mutex<Set<String>>([])
    private let units: [String: String]
    private let onSet: @Sendable (String) -> Void

    /// - Parameters:
    ///   - units: units by the path of their cgroup.
    ///   - onSet: called with a unit's name when its properties are set.
    init(in folder: String, units: [String: String], onSet: @escaping @Sendable (String) -> Void) {
        (self.units, self.onSet) = (units, onSet)
        let path = "\(folder)/bus"
        address = "unix:path=\(path)"
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        _ = withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(listener, $0, size) }
        }
        listen(listener, 8)
        self.listener = listener
        Thread.detachNewThread { [self] in
            while case let peer = accept(listener, nil, nil), peer >= 0 {
                peers.withLock { $0.append(peer) }
                Thread.detachNewThread { [self] in serve(peer) }
            }
        }
    }

    deinit { close(listener) }

    /// The methods that were called, in order.
    var called: [String] { calls.withLock { $0 } }

    /// Ends every connection, as a restart of dbus does.
    func drop() {
        peers.withLock { peers in
            for peer in peers { shutdown(peer, Int32(SHUT_RDWR)) }
            peers = []
        }
    }

    /// Forgets what was started, as a reboot does.
    func forget() { started.withLock { $0 = [] } }

    /// Lets nobody set anything from now on.
    func refuse() { isRefusing.withLock { $0 = true } }

    private func serve(_ peer: Int32) {
        var opened: OpaquePointer?
        guard sd_bus_new(&opened) >= 0, let bus = opened else { return }
        defer { sd_bus_unref(bus) }
        sd_bus_set_fd(bus, peer, peer)
        sd_bus_set_server(bus, 1, sd_id128_t())
        sd_bus_set_anonymous(bus, 1)
        guard sd_bus_start(bus) >= 0 else { return }
        while true {
            var message: OpaquePointer?
            let code = sd_bus_process(bus, &message)
            if code < 0 { return }
            if let message {
                answer(message)
                sd_bus_message_unref(message)
            } else if code == 0, sd_bus_wait(bus, UInt64.max) < 0 {
                return
            }
        }
    }

    private func answer(_ message: OpaquePointer) {
        guard sd_bus_message_is_method_call(message, nil, nil) > 0,
            let member = sd_bus_message_get_member(message).map({ String(cString: $0) })
        else { return }
        calls.withLock { $0.append(member) }
        var reply: OpaquePointer?
        sd_bus_message_new_method_return(message, &reply)
        defer { sd_bus_message_unref(reply) }
        switch member {
        case "Hello": add("s", ":1.1", to: reply)
        case "GetUnitByControlGroup":
            let path = text(message) ?? ""
            var object: UnsafeMutablePointer<CChar>?
            sd_bus_path_encode(
                "/org/freedesktop/systemd1/unit", units[path] ?? "nothing.scope", &object)
            add("o", object.map { String(cString: $0) } ?? "/", to: reply)
            free(object)
        case "Get":
            // The only property that is asked for is a unit's ControlGroup.
            let object = sd_bus_message_get_path(message).map { String(cString: $0) } ?? ""
            var unit: UnsafeMutablePointer<CChar>?
            sd_bus_path_decode(object, "/org/freedesktop/systemd1/unit", &unit)
            let name = unit.map { String(cString: $0) } ?? ""
            free(unit)
            sd_bus_message_open_container(reply, CChar(UInt8(ascii: "v")), "s")
            add("s", units.first { $0.value == name }?.key ?? "", to: reply)
            sd_bus_message_close_container(reply)
        case "SetUnitProperties" where isRefusing.withLock({ $0 }):
            return answer(message, with: "org.freedesktop.DBus.Error.AccessDenied")
        case "SetUnitProperties": onSet(text(message) ?? "")
        case "StartTransientUnit":
            _ = started.withLock { $0.insert(text(message) ?? "") }
        case "GetUnit":
            let unit = text(message) ?? ""
            if started.withLock({ $0.contains(unit) }) { break }
            return answer(message, with: "org.freedesktop.systemd1.NoSuchUnit")
        default: break
        }
        sd_bus_send(nil, reply, nil)
    }

    private func answer(_ message: OpaquePointer, with name: String) {
        var refusal: OpaquePointer?
        name.withCString { name in
            var error = sd_bus_error(name: name, message: name, _need_free: 0)
            sd_bus_message_new_method_error(message, &refusal, &error)
        }
        sd_bus_send(nil, refusal, nil)
        sd_bus_message_unref(refusal)
    }

    private func add(_ type: String, _ text: String, to reply: OpaquePointer?) {
        sd_bus_message_append_basic(reply, CChar(type.utf8.first ?? 0), text)
    }

    private func text(_ message: OpaquePointer) -> String? {
        var text: UnsafePointer<CChar>?
        guard sd_bus_message_read_basic(message, CChar(UInt8(ascii: "s")), &text) > 0 else {
            return nil
        }
        return text.map { String(cString: $0) }
    }
}
