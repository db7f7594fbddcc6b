import Glibc
import TestSupport
import Testing
import Units

@testable import Runtimes

/// What errors of the bus mean, and names of units in its paths.
@Suite struct SystemdErrorTests {
    /// An error with the answers to whether it is forbidden, late, of an unknown unit, lost.
    private struct Case {
        var name = ""
        var code: Int32 = EIO
        var isForbidden = false
        var isTimeout = false
        var isUnknownUnit = false
        var isDisconnected = false
        var isUnknown = false
    }

    @Test func eachErrorMeansOneThing() {
        let bus = "org.freedesktop.DBus.Error"
        let cases = [
            Case(name: "\(bus).AccessDenied", isForbidden: true),
            Case(name: "\(bus).InteractiveAuthorizationRequired", isForbidden: true),
            Case(code: EACCES, isForbidden: true), Case(code: EPERM, isForbidden: true),
            Case(code: ETIMEDOUT, isTimeout: true),
            Case(
                name: "org.freedesktop.systemd1.NoSuchUnit", isUnknownUnit: true, isUnknown: true),
            Case(code: ENOENT, isUnknownUnit: true, isUnknown: true),
            Case(code: ENOTCONN, isDisconnected: true), Case(code: EPIPE, isDisconnected: true),
            Case(code: ECONNRESET, isDisconnected: true),
            Case(code: ESHUTDOWN, isDisconnected: true),
            Case(name: "\(bus).UnknownProperty", isUnknown: true),
            Case(name: "\(bus).UnknownObject", isUnknown: true),
            Case(name: "\(bus).UnknownInterface", isUnknown: true),
            Case(name: "\(bus).UnknownMethod", isUnknown: true),
            // None of these is any of them.
            Case(name: "\(bus).Failed"), Case(), Case(name: "AccessDenied"),
            Case(name: "\(bus).AccessDenied.Not"), Case(code: EBUSY),
        ]
        for item in cases {
            let refusal = SystemdBus.Refusal(name: item.name, message: "", code: item.code)
            let (name, code) = (item.name, item.code)
            #expect(refusal.isForbidden == item.isForbidden, "\(name) \(code)")
            #expect(refusal.isTimeout == item.isTimeout, "\(name) \(code)")
            #expect(refusal.isUnknownUnit == item.isUnknownUnit, "\(name) \(code)")
            #expect(refusal.isDisconnected == item.isDisconnected, "\(name) \(code)")
            #expect(refusal.isUnknown == item.isUnknown, "\(name) \(code)")
        }
    }

    @Test(
        arguments: [
            ("/org/freedesktop/systemd1/unit/web_2eservice", "web.service"),
            ("/org/freedesktop/systemd1/unit/tenant_2dacme_2eslice", "tenant-acme.slice"),
            ("/org/freedesktop/systemd1/job/7", nil), ("/org/freedesktop/systemd1", nil),
            ("/", nil),
        ] as [(String, String?)])
    func unitsOfObjectPaths(object: String, unit: String?) {
        #expect(SystemdBus.unit(of: object) == unit)
    }

    @Test func aBusThatIsNotThereIsUnavailable() throws {
        let folder = try TemporaryFolder()
        for address in ["unix:path=\(folder.path)/none", "nonsense"] {
            let fault = #expect(throws: Fault.self) {
                _ = try SystemdBus(address: address, timeoutSeconds: 1)
            }
            #expect(fault?.kind == .unavailable && fault?.suggestion.isEmpty == false)
        }
    }

    @Test(arguments: [
        ("tenant-acme.slice", true), ("a.slice", true), (#"a\x2db.slice"#, true),
        ("A_b:c@1.2.slice", true), (".slice", false), ("-.slice", false), ("-a.slice", false),
        ("..slice", false), ("a.scope", false), ("a.slice/", false), ("../a.slice", false),
        ("a b.slice", false), ("a\n.slice", false), ("é.slice", false), ("a$.slice", false),
        (String(repeating: "a", count: 249) + ".slice", true),
        (String(repeating: "a", count: 250) + ".slice", false), ("", false),
    ])
    func namesOfSlices(name: String, isName: Bool) {
        #expect(SliceKeeper.isName(name) == isName)
    }

    @Test func aNameThatIsNoneIsWrongUse() throws {
        let folder = try TemporaryFolder()
        for name in ["../../etc/x.slice", "x", "\u{1B}.slice"] {
            let fault = #expect(throws: Fault.self) {
                try SliceKeeper.keep(name, folder: folder.path)
            }
            #expect(fault?.kind == .wrongUse && fault?.location == "--slice")
            #expect(try SliceKeeper.letGo(name, folder: folder.path).isEmpty)
        }
    }

    /// Nobody's own unit file is taken away, whatever it is called.
    @Test func onlyItsOwnFileIsLetGo() throws {
        let folder = try TemporaryFolder()
        try folder.write("[Slice]\n# Made by octroi tenant add\n", to: "own.slice")
        #expect(try SliceKeeper.letGo("own.slice", folder: folder.path).isEmpty)
        #expect(access("\(folder.path)/own.slice", F_OK) == 0)
        #expect(SliceAccounting.gaps(of: []).isEmpty)
    }

    /// The slice stays, and all that is billed is counted in it.
    @Test func aUnitFileHasWhatASliceNeeds() throws {
        let lines = SliceKeeper.unit("tenant-acme.slice").split(separator: "\n")
        let sections = lines.filter { $0.hasPrefix("[") }
        #expect(sections == ["[Unit]", "[Slice]", "[Install]"])
        for accounting in ["CPU", "Memory", "IO", "Tasks"] {
            #expect(lines.contains("\(accounting)Accounting=yes"))
        }
        #expect(lines.contains("WantedBy=slices.target"))
        #expect(lines.contains { $0.hasPrefix("Description=Tenant slice tenant-acme,") })
        let folder = try TemporaryFolder()
        let fault = #expect(throws: Fault.self) {
            _ = try SliceKeeper.make(
                "tenant-acme.slice", folder: "\(folder.path)/none", shipped: [])
        }
        #expect(fault?.kind == .notPermitted)
        #expect(fault?.location == "\(folder.path)/none/tenant-acme.slice")
    }
}
