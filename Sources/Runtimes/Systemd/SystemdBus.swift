import CSystemd
import Glibc
import Units

/// A connection to systemd's manager over the system bus (org.freedesktop.systemd1(5)).
///
/// One per thread: libsystemd's connections are not shared between threads.
public final class SystemdBus {
    private let bus: OpaquePointer
    /// How long an answer may take, in µs.
    private let timeout: UInt64

    /// Connects.
    ///
    /// - Parameter address: of another bus, `unix:path=…`, for tests.
    /// - Throws: `unavailable` if there is no bus.
    public init(address: String? = nil, timeoutSeconds: UInt64 = 25) throws(Fault) {
        var opened: OpaquePointer?
        var code: Int32
        if let address {
            code = sd_bus_new(&opened)
            if code >= 0 { code = sd_bus_set_address(opened, address) }
            if code >= 0 { code = sd_bus_set_bus_client(opened, 1) }
            if code >= 0 { code = sd_bus_start(opened) }
        } else {
            code = sd_bus_open_system(&opened)
        }
        guard code >= 0, let bus = opened else {
            sd_bus_unref(opened)
            throw Fault(
                .unavailable, at: "systemd",
                problem: "its bus cannot be reached (\(String(cString: strerror(-code))))",
                suggestion: "Check that dbus runs: systemctl status dbus")
        }
        self.bus = bus
        timeout = timeoutSeconds * 1_000_000
        // Properties are asked for without a time of their own.
        sd_bus_set_method_call_timeout(bus, timeout)
    }

    deinit { sd_bus_flush_close_unref(bus) }

    /// What systemd answered in place of a result.
    public struct Refusal: Error, Sendable {
        /// The D-Bus error, `org.freedesktop.DBus.Error.AccessDenied`: it tells more than an errno.
        public var name: String
        public var message: String
        public var code: Int32

        /// Whether this user may not do it.
        public var isForbidden: Bool {
            name.hasSuffix(".AccessDenied") || name.hasSuffix(".InteractiveAuthorizationRequired")
                || code == EACCES || code == EPERM
        }
        public var isTimeout: Bool { code == ETIMEDOUT }
        public var isUnknownUnit: Bool { name.hasSuffix(".NoSuchUnit") || code == ENOENT }
        /// Whether the connection is gone, as after a restart of dbus.
        public var isDisconnected: Bool {
            [ENOTCONN, ECONNRESET, EPIPE, ESHUTDOWN].contains(code)
        }
        /// Whether there is no such object, or it has no such property.
        var isUnknown: Bool {
            isUnknownUnit
                || ["Property", "Object", "Interface", "Method"].contains {
                    name.hasSuffix(".Unknown\($0)")
                }
        }
    }

    /// Calls a method of the manager.
    ///
    /// - Returns: the answer; it is freed when the last copy of it goes.
    @discardableResult
    public func call(
        _ method: String, _ fill: (inout BusMessage) -> Void = { _ in }
    ) throws(Refusal) -> BusReply {
        var message: OpaquePointer?
        var code = sd_bus_message_new_method_call(
            bus, &message, "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
            "org.freedesktop.systemd1.Manager", method)
        defer { sd_bus_message_unref(message) }
        if code >= 0 {
            var writer = BusMessage(message)
            fill(&writer)
            code = writer.code
        }
        guard code >= 0 else { throw Refusal(name: "", message: method, code: -code) }
        var error = sd_bus_error()
        defer { sd_bus_error_free(&error) }
        var reply: OpaquePointer?
        code = sd_bus_call(bus, message, timeout, &error, &reply)
        guard code >= 0 else {
            throw Refusal(error, code)
        }
        return BusReply(reply)
    }

    /// The text of a property of a unit; `nil` if there is none.
    public func text(_ property: String, of unit: String, _ interface: String) throws(Refusal)
        -> String?
    {
        guard let object = Self.object(of: unit) else { return nil }
        var error = sd_bus_error()
        defer { sd_bus_error_free(&error) }
        var text: UnsafeMutablePointer<CChar>?
        let code = sd_bus_get_property_string(
            bus, "org.freedesktop.systemd1", object, "org.freedesktop.systemd1.\(interface)",
            property, &error, &text)
        if code < 0 {
            let refusal = Refusal(error, code)
            if refusal.isUnknown { return nil }
            throw refusal
        }
        guard let text else { return nil }
        defer { free(text) }
        return String(cString: text)
    }

    /// A number of a unit; `nil` if there is none.
    public func number(_ property: String, of unit: String, _ interface: String) -> UInt64? {
        guard let object = Self.object(of: unit) else { return nil }
        var value: UInt64 = 0
        let code = sd_bus_get_property_trivial(
            bus, "org.freedesktop.systemd1", object, "org.freedesktop.systemd1.\(interface)",
            property, nil, CChar(UInt8(ascii: "t")), &value)
        return code >= 0 ? value : nil
    }

    /// The bytes of a property of a unit; `nil` if there is none.
    public func bytes(_ property: String, of unit: String, _ interface: String) -> [UInt8]? {
        guard let object = Self.object(of: unit) else { return nil }
        var reply: OpaquePointer?
        let code = sd_bus_get_property(
            bus, "org.freedesktop.systemd1", object, "org.freedesktop.systemd1.\(interface)",
            property, nil, &reply, "ay")
        guard code >= 0 else { return nil }
        return BusReply(reply).bytes()
    }

    /// A yes or no of a unit; `nil` if there is none.
    public func flag(_ property: String, of unit: String, _ interface: String) -> Bool? {
        guard let object = Self.object(of: unit) else { return nil }
        var value: Int32 = 0
        let code = sd_bus_get_property_trivial(
            bus, "org.freedesktop.systemd1", object, "org.freedesktop.systemd1.\(interface)",
            property, nil, CChar(UInt8(ascii: "b")), &value)
        return code >= 0 ? value != 0 : nil
    }

    /// The version of systemd that runs; `nil` if it does not say.
    public var version: String? {
        var text: UnsafeMutablePointer<CChar>?
        let code = sd_bus_get_property_string(
            bus, "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
            "org.freedesktop.systemd1.Manager", "Version", nil, &text)
        guard code >= 0, let text else { return nil }
        defer { free(text) }
        return String(cString: text)
    }

    /// When systemd last read its units, at start or by a daemon-reload, in µs of its monotonic clock;
    /// `nil` if it does not say (before version 250).
    public func unitsLoaded() throws(Refusal) -> UInt64? {
        var value: UInt64 = 0
        let code = sd_bus_get_property_trivial(
            bus, "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
            "org.freedesktop.systemd1.Manager", "UnitsLoadTimestampMonotonic", nil,
            CChar(UInt8(ascii: "t")), &value)
        if code >= 0 { return value }
        let refusal = Refusal(sd_bus_error(), code)
        if refusal.isDisconnected { throw refusal }
        return nil
    }

    /// The bus path of a unit.
    private static func object(of unit: String) -> String? {
        var object: UnsafeMutablePointer<CChar>?
        guard sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit, &object) >= 0, let object
        else { return nil }
        defer { free(object) }
        return String(cString: object)
    }

    /// The name of a unit by its bus path.
    static func unit(of object: String) -> String? {
        var name: UnsafeMutablePointer<CChar>?
        guard sd_bus_path_decode(object, "/org/freedesktop/systemd1/unit", &name) > 0, let name
        else { return nil }
        defer { free(name) }
        return String(cString: name)
    }
}

extension SystemdBus.Refusal {
    fileprivate init(_ error: sd_bus_error, _ code: Int32) {
        name = error.name.map { String(cString: $0) } ?? ""
        message =
            error.message.map { String(cString: $0) } ?? String(cString: strerror(-code))
        self.code = -code
    }
}

/// The arguments of a call, one after another; the first failure stays.
public struct BusMessage {
    private let message: OpaquePointer?
    private(set) var code: Int32 = 0

    init(_ message: OpaquePointer?) { self.message = message }

    public mutating func add(_ text: String) {
        keep(text.withCString { sd_bus_message_append_basic(message, type("s"), $0) })
    }

    public mutating func add(_ flag: Bool) {
        var value: Int32 = flag ? 1 : 0
        keep(sd_bus_message_append_basic(message, type("b"), &value))
    }

    public mutating func add(_ number: UInt64) {
        var value = number
        keep(sd_bus_message_append_basic(message, type("t"), &value))
    }

    public mutating func add(_ bytes: [UInt8]) {
        keep(
            bytes.withUnsafeBytes {
                sd_bus_message_append_array(message, type("y"), $0.baseAddress, $0.count)
            })
    }

    /// An array whose items are of a type.
    public mutating func array(of contents: String, _ fill: (inout BusMessage) -> Void) {
        enclose("a", contents, fill)
    }

    public mutating func structure(of contents: String, _ fill: (inout BusMessage) -> Void) {
        enclose("r", contents, fill)
    }

    /// A property: its name and a value of a type.
    public mutating func property(
        _ name: String, _ contents: String, _ fill: (inout BusMessage) -> Void
    ) {
        structure(of: "sv") {
            $0.add(name)
            $0.enclose("v", contents, fill)
        }
    }

    private mutating func enclose(
        _ kind: String, _ contents: String, _ fill: (inout BusMessage) -> Void
    ) {
        keep(sd_bus_message_open_container(message, type(kind), contents))
        fill(&self)
        keep(sd_bus_message_close_container(message))
    }

    private mutating func keep(_ result: Int32) { if code >= 0, result < 0 { code = result } }

    private func type(_ letter: String) -> CChar { CChar(letter.utf8.first ?? 0) }
}

/// The answer to a call.
public final class BusReply {
    private let message: OpaquePointer?

    init(_ message: OpaquePointer?) { self.message = message }

    deinit { sd_bus_message_unref(message) }

    /// The next value, a text or an object's path.
    public func text(_ type: Character = "s") -> String? {
        var text: UnsafePointer<CChar>?
        let letter = CChar(type.asciiValue ?? 0)
        guard sd_bus_message_read_basic(message, letter, &text) > 0, let text else { return nil }
        return String(cString: text)
    }

    /// The next value, an array of bytes.
    func bytes() -> [UInt8]? {
        var start: UnsafeRawPointer?
        var count = 0
        let code = sd_bus_message_read_array(
            message, CChar(UInt8(ascii: "y")), &start, &count)
        guard code >= 0 else { return nil }
        return Array(UnsafeRawBufferPointer(start: start, count: count))
    }
}
