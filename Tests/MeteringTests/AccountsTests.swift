import CgroupFormat
import Testing
import Units

@testable import Metering

/// The accounts from tick to tick: what a commit changes, and what a new run takes over.
@Suite struct AccountsTests {
    private func moment(_ seconds: Int64) -> Moment {
        Moment(
            wall: Instant(seconds: 1_795_446_000 + seconds), bootMicroseconds: seconds * 1_000_000)
    }

    private func account(
        _ id: Int64, _ path: String? = nil, cpu at: Int64? = 0, gauges: String = "",
        network: Int64? = nil, isWhole: Bool = false
    ) throws -> Account {
        var position = Position()
        position.cpu = at.map { Position.Mark(5, at: $0 * 1_000_000) }
        position.gauges = try #require(GaugeStates(stored: gauges))
        position.network = network.map(mark)
        return Account(
            row: id + 100, cgroupID: id, path: path ?? "/c\(id)", isTenantRoot: false, root: nil,
            position: position, isWhole: isWhole, absences: [:])
    }

    private func mark(_ namespace: Int64) -> Position.NetworkMark {
        Position.NetworkMark(
            NetworkSample(namespace: namespace, counters: NetDev(interfaces: [:])), at: 0)
    }

    private func accounts(_ list: [Account], upTo last: Moment? = nil) -> Accounts {
        Accounts(Dictionary(uniqueKeysWithValues: list.map { ($0.cgroupID, $0) }), upTo: last)
    }

    /// The entry of a tick at a second; its network was read then.
    private func entry(
        _ account: Account, at seconds: Int64, network: Int64? = nil, hasEnded: Bool = false
    ) -> TickEntry {
        var entry = TickEntry(
            row: account.row, path: account.path, cgroupID: account.cgroupID, isTenantRoot: false,
            root: nil, runtime: "", sample: nil, position: account.position,
            isWhole: account.isWhole, at: moment(seconds))
        if let network {
            entry.position?.network = mark(network)
            entry.position?.network?.bootMicroseconds = moment(seconds).bootMicroseconds
        }
        entry.hasEnded = hasEnded
        return entry
    }

    private func keep(
        _ accounts: inout Accounts, _ entries: [TickEntry],
        _ change: (inout TickReading.Result) -> Void = { _ in }
    ) {
        var result = TickReading.Result()
        result.entries = entries
        change(&result)
        accounts.keep(result, rows: entries.indices.map { 500 + Int64($0) })
    }

    /// An account without a sample in the last ticks was idle until the last one.
    @Test func whatWasIdleStandsAtTheLastTick() throws {
        let all = accounts(
            [
                try account(1, cpu: 3), try account(2, cpu: 9), try account(3, cpu: nil),
                // It holds memory, which goes on counting from its last reading.
                try account(4, cpu: 3, gauges: "0 4096 3000000 0"),
                try account(5, cpu: 3, gauges: "0 0 3000000 17"),
            ], upTo: moment(7))
        func at(_ id: Int64) -> Int64? { all.byID[id]?.position?.cpu?.bootMicroseconds }
        #expect(at(1) == 7_000_000 && at(2) == 9_000_000 && at(3) == nil)
        #expect(at(4) == 3_000_000 && at(5) == 7_000_000)
        let gauges = try #require(all.byID[5]?.position?.gauges)
        #expect(String(decoding: gauges.stored, as: UTF8.self) == "0 0 7000000 17")
        #expect(all.byID[1]?.position?.cpu?.value == 5, "what it had used stays")
        let first = try accounts([account(1, cpu: 3)])
        #expect(first.byID[1]?.position?.cpu?.bootMicroseconds == 3_000_000)
    }

    @Test func aRunTakesOverFoldersNetworksAndWholeContainers() throws {
        let all = accounts([
            try account(1, "/a", network: 70, isWhole: true), try account(2, "/b", network: 71),
            try account(-3, "storage:/srv"),
        ])
        #expect(all.whole == [1] && all.wholeBefore == ["/a"])
        #expect(all.folders == ["storage:/srv": -3])
        #expect(all.networkOwners == [70: 1, 71: 2] && all.lastNetworks.isEmpty)
    }

    @Test func aCommittedTickReplacesItsAccounts() throws {
        let (old, other) = (try account(1), try account(2))
        var all = accounts([old, other, try account(3), try account(4)])
        let new = try account(9, isWhole: true)
        keep(&all, [entry(new, at: 5), entry(old, at: 5), entry(other, at: 5, hasEnded: true)]) {
            $0.becameInner = [3]
            $0.idle = [(4, moment(5))]
        }
        #expect(all.byID.keys.sorted() == [1, 4, 9])
        // The rows are those that the store gave, in the order of the entries.
        #expect(all.byID[9]?.row == 500 && all.byID[1]?.row == 501 && all.byID[4]?.row == 104)
        #expect(all.byID[4]?.position?.cpu?.bootMicroseconds == 5_000_000)
        #expect(all.whole == [9] && all.wholeBefore.isEmpty, "before means before this run")
    }

    @Test func foldersComeAndGo() throws {
        let folder = try account(-1, "storage:/srv")
        var all = accounts([])
        keep(&all, [entry(folder, at: 1)])
        #expect(all.folders == ["storage:/srv": -1] && all.byID[-1]?.isFolder == true)
        keep(&all, [entry(folder, at: 2, hasEnded: true)])
        #expect(all.folders.isEmpty && all.byID.isEmpty)
        // Made anew, it has another number.
        keep(&all, [entry(try account(-2, "storage:/srv"), at: 3)])
        #expect(all.folders == ["storage:/srv": -2])
    }

    /// A network goes on with another container when the one it was read for ends.
    @Test func aNetworkIsOfWhomItWasReadForLast() throws {
        let (one, two) = (try account(1), try account(2))
        var all = accounts([one, two])
        keep(&all, [entry(one, at: 1, network: 70), entry(two, at: 1)])
        #expect(all.networkOwners == [70: 1])
        keep(&all, [entry(one, at: 2, network: 70, hasEnded: true), entry(two, at: 2)])
        #expect(all.lastNetworks.keys.sorted() == [70] && all.networkOwners == [70: 1])
        #expect(all.lastNetworks[70]?.bootMicroseconds == 2_000_000)
        // Nobody took it over in the next tick: the number may be another network's from now on.
        keep(&all, [entry(two, at: 3)])
        #expect(all.lastNetworks.isEmpty && all.networkOwners.isEmpty)
    }

    @Test func aNetworkThatIsTakenOverStays() throws {
        let (one, two) = (try account(1), try account(2))
        var all = accounts([one, two])
        keep(&all, [entry(one, at: 1, network: 70, hasEnded: true), entry(two, at: 1)])
        keep(&all, [entry(two, at: 2, network: 70)])
        #expect(all.networkOwners == [70: 2] && all.lastNetworks.isEmpty)
        // A tick in which it is not read does not change whose it is.
        keep(&all, [entry(two, at: 3)])
        #expect(all.networkOwners == [70: 2])
    }
}
