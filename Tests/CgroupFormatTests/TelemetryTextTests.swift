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

    @Test(arguments: ["", "some avg10=0.00\n", "some total=x\n", "some total=1"])
    func badPressureIsRefused(text: String) {
        let bytes = Array(text.utf8)
        #expect(throws: FormatError.self) { _ = try Pressure(parsing: bytes.span) }
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

    @Test(arguments: ["", "a\n", "a\nb\neth0 1 2\n", "a\nb\neth0: 1 2 3\n", "a\nb\neth0: x\n"])
    func badCountersAreRefused(text: String) {
        let bytes = Array(text.utf8)
        #expect(throws: FormatError.self) { _ = try NetDev(parsing: bytes.span) }
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
