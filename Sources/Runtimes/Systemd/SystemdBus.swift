import CSystemd
import Glibc
import Units

/// A connection to systemd's manager on the system bus (org.freedesktop.systemd1(5)).
///
/// Use one per thread: libsystemd's connections must not be shared between threads (sd_bus(3)).
public final class SystemdBus {
    private let bus: OpaquePointer
    /// How long a call may take, in µs.
    private let timeout: UInt64

    /// Connects to the bus.
    ///
    /// - Parameters:
    ///   - address: another bus such as `unix:path=/tmp/bus`, for tests; `nil` for the system bus.
    ///   - timeoutSeconds: how long each call may take.
    /// - Throws: `unavailable` if the bus cannot be reached.
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
        // Reading a property takes no timeout of its own, so set the connection's default.
        sd_bus_set_method_call_timeout(bus, timeout)
    }

    deinit { sd_bus_flush_close_unref(bus) }

    /// An error that systemd or the bus returned instead of a result.
    public struct Refusal: Error, Sendable {
        /// The D-Bus error, such as `org.freedesktop.DBus.Error.AccessDenied`.
        ///
        /// It is empty if the call failed before systemd saw it.
        public var name: String
        /// systemd's explanation.
        public var message: String
        /// The errno, positive.
        public var code: Int32

        /// Whether this user lacks the permission.
        public var isForbidden: Bool {
            name.hasSuffix(".AccessDenied") || name.hasSuffix(".InteractiveAuthorizationRequired")
                || code == EACCES || code == EPERM
        }
        /// Whether no answer came in time; the call may still take effect.
        public var isTimeout: Bool { code == ETIMEDOUT }
        /// Whether the unit is not loaded.
        public var isUnknownUnit: Bool { name.hasSuffix(".NoSuchUnit") || code == ENOENT }
        /// Whether the connection is lost, for example because dbus was restarted.
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

    /// Calls a method of the manager object.
    ///
    /// - Parameters:
    ///   - method: the method's name, such as `StartUnit`.
    ///   - fill: appends the arguments in the order of the method's signature.
    /// - Returns: the reply.
    /// - Throws: the error that systemd or the bus returned.
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

    /// Reads a text property of a unit; `nil` if there is no such unit or property.
    ///
    /// - Parameters:
    ///   - property: the property's name, such as `ControlGroup`.
    ///   - unit: the unit's name.
    ///   - interface: the last part of the interface's name: `Unit`, `Slice`, `Scope`, `Service` …
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

    /// Reads a number (D-Bus type `t`) of a unit; `nil` on any error.
    public func number(_ property: String, of unit: String, _ interface: String) -> UInt64? {
        guard let object = Self.object(of: unit) else { return nil }
        var value: UInt64 = 0
        let code = sd_bus_get_property_trivial(
            bus, "org.freedesktop.systemd1", object, "org.freedesktop.systemd1.\(interface)",
            property, nil, CChar(UInt8(ascii: "t")), &value)
        return code >= 0 ? value : nil
    }

    /// Reads an array of bytes (`ay`) of a unit; `nil` on any error.
    public func bytes(_ property: String, of unit: String, _ interface: String) -> [UInt8]? {
        guard let object = Self.object(of: unit) else { return nil }
        var reply: OpaquePointer?
        let code = sd_bus_get_property(
            bus, "org.freedesktop.systemd1", object, "org.freedesktop.systemd1.\(interface)",
            property, nil, &reply, "ay")
        guard code >= 0 else { return nil }
        return BusReply(reply).bytes()
    }

    /// Reads a boolean (`b`) of a unit; `nil` on any error.
    public func flag(_ property: String, of unit: String, _ interface: String) -> Bool? {
        guard let object = Self.object(of: unit) else { return nil }
        var value: Int32 = 0
        let code = sd_bus_get_property_trivial(
            bus, "org.freedesktop.systemd1", object, "org.freedesktop.systemd1.\(interface)",
            property, nil, CChar(UInt8(ascii: "b")), &value)
        return code >= 0 ? value != 0 : nil
    }

    /// The version text of the running systemd, such as `252.22-1`; `nil` on any error.
    public var version: String? {
        var text: UnsafeMutablePointer<CChar>?
        let code = sd_bus_get_property_string(
            bus, "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
            "org.freedesktop.systemd1.Manager", "Version", nil, &text)
        guard code >= 0, let text else { return nil }
        defer { free(text) }
        return String(cString: text)
    }

    /// When systemd last read its units, at its start or by a daemon-reload.
    ///
    /// - Returns: µs of the monotonic clock; `nil` before systemd 250.
    /// - Throws: only if the connection is lost.
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

    /// The object path of a unit, with special characters of its name escaped.
    private static func object(of unit: String) -> String? {
        var object: UnsafeMutablePointer<CChar>?
        guard sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit, &object) >= 0, let object
        else { return nil }
        defer { free(object) }
        return String(cString: object)
    }

    /// The unit's name in an object path; `nil` if this is not the path of a unit.
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

/// Writes the arguments of a call, one after another.
///
/// Once an argument cannot be appended, `code` keeps the first error and the call is not sent.
public struct BusMessage {
    private let message: OpaquePointer?
    /// The first error as a negative errno; 0 or more if there is none.
    private(set) var code: Int32 = 0

    init(_ message: OpaquePointer?) { self.message = message }

    /// Appends a string (`s`).
    public mutating func add(_ text: String) {
        keep(text.withCString { sd_bus_message_append_basic(message, type("s"), $0) })
    }

    /// Appends a boolean (`b`).
    public mutating func add(_ flag: Bool) {
        var value: Int32 = flag ? 1 : 0
        keep(sd_bus_message_append_basic(message, type("b"), &value))
    }

    /// Appends an unsigned 64-bit number (`t`).
    public mutating func add(_ number: UInt64) {
        var value = number
        keep(sd_bus_message_append_basic(message, type("t"), &value))
    }

    /// Appends an array of bytes (`ay`).
    public mutating func add(_ bytes: [UInt8]) {
        keep(
            bytes.withUnsafeBytes {
                sd_bus_message_append_array(message, type("y"), $0.baseAddress, $0.count)
            })
    }

    /// Appends an array; `contents` is the D-Bus type of its items.
    public mutating func array(of contents: String, _ fill: (inout BusMessage) -> Void) {
        enclose("a", contents, fill)
    }

    /// Appends a structure; `contents` are the D-Bus types of its members.
    public mutating func structure(of contents: String, _ fill: (inout BusMessage) -> Void) {
        enclose("r", contents, fill)
    }

    /// Appends a property: a structure of its name and a variant of type `contents`.
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

/// The reply to a call; it is freed with the last reference.
public final class BusReply {
    private let message: OpaquePointer?

    init(_ message: OpaquePointer?) { self.message = message }

    deinit { sd_bus_message_unref(message) }

    /// Reads the next value as text.
    ///
    /// - Parameter type: `s` for a string, `o` for an object path.
    /// - Returns: `nil` if the next value is of another type.
    public func text(_ type: Character = "s") -> String? {
        var text: UnsafePointer<CChar>?
        let letter = CChar(type.asciiValue ?? 0)
        guard sd_bus_message_read_basic(message, letter, &text) > 0, let text else { return nil }
        return String(cString: text)
    }

    /// Reads the next value as an array of bytes; `nil` if it is something else.
    func bytes() -> [UInt8]? {
        var start: UnsafeRawPointer?
        var count = 0
        let code = sd_bus_message_read_array(
            message, CChar(UInt8(ascii: "y")), &start, &count)
        guard code >= 0 else { return nil }
        return Array(UnsafeRawBufferPointer(start: start, count: count))
    }
}
