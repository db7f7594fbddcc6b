import CgroupFormat
import Metering
import TestSupport
import Testing
import Units

/// The catalogue of meters that are read from the host, and where their gauges stand.
@Suite struct GaugeTests {
    private static let gauges: [Gauge] = HostMeter.all.compactMap {
        if case .gauge(let gauge) = $0.reading { gauge } else { nil }
    }

    /// Stored positions name gauges by these numbers.
    @Test func aGaugeKeepsItsNumber() {
        let numbers = Dictionary(uniqueKeysWithValues: Self.gauges.map { ($0.meter.name, $0.code) })
        #expect(
            numbers == [
                "memory_current": 0, "memory_working_set": 1, "memory_unreclaimable": 2,
                "cpu_reserved": 3, "memory_reserved": 4, "storage": 5,
            ])
    }

    @Test func everyMeterSaysWhatItIsReadFrom() {
        #expect(Set(HostMeter.all.map(\.meter)).count == HostMeter.all.count)
        for meter in HostMeter.all {
            #expect(!meter.files.isEmpty && meter.meter.files == meter.files)
            let isGauge = if case .gauge = meter.reading { true } else { false }
            let list = isGauge ? LedgerMeter.gaugeFiles : LedgerMeter.counterFiles
            #expect(meter.files.allSatisfy(list.contains))
        }
        #expect(LedgerMeter.counterFiles == ["cpu.stat", "io.stat", "net/dev"])
        #expect(
            LedgerMeter.gaugeFiles == [
                "memory.current", "memory.stat", "memory.stat inactive_file",
                "memory.stat unreclaimable", "cpu.max", "memory.max", "storage",
            ])
    }

    @Test func aMeterHasItsUnit() {
        #expect(Meter.cpu.dimension == .cpuTime && Meter.memory.dimension == .byteTime)
        #expect(Meter.ioReadOps.dimension == .operations && Meter.netTxBytes.dimension == .bytes)
        #expect(Meter.storage.dimension == .byteTime)
        #expect(Meter("gpu")?.dimension == nil && Meter("memory_current")?.dimension == nil)
        #expect(Meter.known.count == 11)
    }

    /// Whatever the states are, their text leads back to them.
    @Test func statesComeBackFromTheirText() throws {
        var random = SeededRandom(seed: 31)
        for _ in 0..<500 {
            var states = GaugeStates()
            for gauge in Self.gauges where Bool.random(using: &random) {
                let value: Int64? = Bool.random(using: &random) ? .random(in: 0 ... .max) : nil
                states[gauge] = GaugeState(
                    value, at: .random(in: .min ... .max, using: &random),
                    carry: .random(in: 0..<1_000_000_000, using: &random))
            }
            let text = String(decoding: states.stored, as: UTF8.self)
            let again = try #require(GaugeStates(stored: text))
            for gauge in Self.gauges { #expect(again[gauge] == states[gauge]) }
            #expect(again.stored == states.stored)
        }
    }

    @Test(arguments: [
        ("", ""), ("0 4096 1000000 12", "0 4096 1000000 12"),
        ("3 - 7 0 0 1 -2 3", "0 1 -2 3 3 - 7 0"),
    ])
    func aTextIsRead(text: String, stored: String) throws {
        let states = try #require(GaugeStates(stored: text))
        #expect(String(decoding: states.stored, as: UTF8.self) == stored)
    }

    @Test(arguments: [
        "0", "0 1 2", "0 1 2 3 4", "x 1 2 3", "0 x 2 3", "0 1 - 3", "0 1 2 -", "-1 1 2 3",
        "256 1 2 3", "0 9223372036854775808 2 3",
    ])
    func aDamagedTextIsRefused(text: String) { #expect(GaugeStates(stored: text) == nil) }

    /// 100 bytes, then 200 bytes 3 s later.
    @Test func storageIsIntegratedAsMemoryIs() throws {
        var position = Position()
        var sample = Sample()
        var parts: [Advance.Part] = []
        for (second, bytes) in [(0, 100), (3, 200), (4, nil), (9, 50), (10, 50)]
            as [(Int64, Int64?)]
        {
            sample.storageBytes = bytes
            let moment = Moment(
                wall: Instant(seconds: 1_795_446_000 + second), bootMicroseconds: second * 1_000_000
            )
            parts += position.advance(to: sample, at: moment, longestHold: 60_000_000).parts
        }
        #expect(parts.map(\.quantity) == [450, 50])
        #expect(parts.allSatisfy { $0.meter == .meter(.storage) })
    }
}
