@testable import CgroupFormat
import Testing

@Suite struct TelemetryTextTests {
    @Test func pressureTotalsAreTaken() throws {
        let text = Array(
            """
            some avg10=0.00 avg60=1.20 avg300=0.03 total=4844
            full avg10=0.00 avg60=0.00 avg300=0.00 total=17

            """.utf8)
        let pressure = try Pressure(parsing: text.span)
        #expect(pressure.some == 4844 && pressure.full == 17)
    }

    @Test(arguments: [
        "some avg10=0.00\n", "some total=x\n", "some total=1", "some total=1\nsome total=2\n",
        "some",
        "some total=18446744073709551615\n",
    ])
    func badPressureIsNotZero(text: String) throws {
        let bytes = Array(("\nfull avg10=0.00 total=3 later=x\nother x\n" + text).utf8)
        let pressure = try Pressure(parsing: bytes.span)
        #expect(pressure.some == nil && pressure.full == 3)
        #expect(pressure.odd.lines.map(\.subject) == ["some"])
    }

    @Test func emptyTextsAreRefused() {
        let none: [UInt8] = []
        #expect(throws: FormatError.self) { _ = try Pressure(parsing: none.span) }
        #expect(throws: FormatError.self) { _ = try MemoryEvents(parsing: none.span) }
        #expect(throws: FormatError.self) { _ = try NetDev(parsing: none.span) }
    }

    @Test func interfacesButTheLoopbackAreTaken() throws {
        let text = Array(
            """
            Inter-|   Receive                                                |  Transmit
             face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs
                lo: 99 1 0 0 0 0 0 0 99 1 0 0 0 0 0 0
              eth0: 1234 5 0 0 0 0 0 0 5678 9 0 0 0 0 0 0
            eth0:1:7 5 0 0 0 0 0 0 8 9 0 0 0 0 0 0

            """.utf8)
        let net = try NetDev(parsing: text.span)
        #expect(
            net.interfaces == [
                "eth0": .init(receivedBytes: 1234, sentBytes: 5678),
                "eth0:1": .init(receivedBytes: 7, sentBytes: 8),
            ])
    }

    /// An odd line costs its interface; the loopback and columns that are not billed may hold anything.
    @Test(
        arguments: [
            ("eth1: 1 2 3\n", ["eth1"], false), ("eth1: x 0 0 0 0 0 0 0 1\n", ["eth1"], false),
            ("eth1: 1 -2 x 0 0 0 0 0 18446744073709551615\n", ["eth1"], false),
            ("eth1 1 2\n", [], true), ("eth1: 1 0 0 0 0 0 0 0 2 0 0 0 0 0 0 0", ["eth1"], true),
            ("lo: x\n\n", [], false), ("eth1", [], true),
            ("eth1: 1 0 0 0 0 0 0 0 2\neth1: 1 0 0 0 0 0 0 0 3\n", ["eth1"], false),
        ] as [(String, [String], Bool)])
    func badCountersAreNotZero(text: String, unread: [String], isPartial: Bool) throws {
        let bytes = Array(("a\nb\n eth0: 7 x -1 0 0 0 0 0 8 x\n" + text).utf8)
        let net = try NetDev(parsing: bytes.span)
        #expect(net.interfaces == ["eth0": .init(receivedBytes: 7, sentBytes: 8)])
        #expect(net.unread == Set(unread) && net.isPartial == isPartial)
        #expect(net.odd.isEmpty == (unread.isEmpty && !isPartial))
    }

    @Test(arguments: [
        ("max\n", Limit.max), ("0\n", .at(0)), ("536870912\n", .at(536_870_912)),
    ])
    func limitsAreRead(text: String, limit: Limit) throws {
        let bytes = Array(text.utf8)
        #expect(try parseLimit(bytes.span) == limit)
    }

    @Test(arguments: ["", "max", "-1\n", "maximum\n", "1 2\n"])
    func badLimitsAreRefused(text: String) {
        let bytes = Array(text.utf8)
        #expect(throws: FormatError.self) { _ = try parseLimit(bytes.span) }
    }

    @Test(arguments: ["max 100000\n", "150000 100000\n", "1 1000000\n"])
    func cpuMaxIsReadAlikeFromTextAndBytes(text: String) throws {
        let bytes = Array(text.utf8)
        #expect(try CPUMax(parsing: bytes.span) == (try CPUMax(parsing: text)))
    }

    @Test func frozenTimeIsOptional() throws {
        let (new, old) = (Array("frozen_usec 12\n".utf8), Array("other 1\n".utf8))
        #expect(try parseFrozen(new.span) == 12)
        #expect(try parseFrozen(old.span) == nil)
    }
}
