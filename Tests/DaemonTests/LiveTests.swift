import Host
import Daemon
import Invoicing
import Metering
import Pricing
import Billing
import Store
import TestSupport
import Testing
import Units

/// What `top` is made of, from the kernel's files to the cost of the hour.
@Suite struct LiveTests {
    @Test func aRootWithTwoContainersCostsWhatItsCounterSays() throws {
        let rig = try Rig()
        let book = PriceBook(
            id: "b", currency: try #require(Currency("EUR")), effective: Instant(seconds: 0),
            rounding: .halfEven, memory: .unreclaimable, unpriced: .show, taxes: [],
            meters: [
                "cpu": Price(
                    amount: try #require(DecimalPrice("1")),
                    per: try #require(UnitQuantity("1 vCPU-second")))
            ])
        let acme = Tenant(
            id: "acme", name: "acme", priceBook: "b", invoiceTo: InvoiceAddress(),
            match: [.root("/acme")])
        _ = try rig.store.apply(
            Contract(tenants: [acme], books: [book]), isPlan: false, at: Instant(seconds: 0))
        func set(_ root: Int, _ a: Int, _ b: Int) throws {
            try rig.set("acme/a", cpu: a)
            try rig.set("acme/b", cpu: b)
            try rig.folder.write("usage_usec \(root)\n", to: "tree/acme/cpu.stat")
            try rig.folder.write("", to: "tree/acme/cgroup.procs")
        }
        try set(1_000_000, 0, 0)
        var collector = try rig.collector()
        _ = try collector.tick()
        // Three seconds are the root's own: of lives too short to be seen.
        try set(19_000_000, 10_000_000, 5_000_000)
        _ = try collector.tick()
        // A microsecond for each container waits until the counters are at rest.
        _ = try collector.tick()
        let live = try rig.store.live(at: rig.clock.look(), ofBoot: Host.bootID()).containers
        #expect(live.map(\.path) == ["/acme", "/acme/a", "/acme/b"])
        #expect(live.map(\.kind) == [.tenantRoot, .container, .container])
        let root = try #require(live[0].row)
        #expect(live.map(\.root) == [nil, root, root])
        var pricing = HourPricing(rig.store)
        let costs = try #require(try pricing.costs(at: rig.now.startOfHour)["acme"])
        #expect(costs.total == Rational(18))
        #expect(costs.shares[root] == Rational(3))
    }

    /// Ticks come each second: after three of them and a second it has stood still.
    @Test(arguments: [
        (3900, 0, true), (4100, 0, false), (86_400_000, 0, false),
        // The wall clock may be set as it likes.
        (1000, 86_400_000, true), (1000, -86_400_000, true), (60_000, -86_400_000, false),
    ])
    func ratesAreOfNowOrNotKnown(age: Int64, step: Int64, isKnown: Bool) throws {
        let rig = try Rig()
        var collector = try rig.collector()
        for cpu in [0, 5_000_000] {
            try rig.set("web", cpu: cpu)
            try rig.folder.write("4096\n", to: "tree/web/memory.current")
            rig.clock.advance(milliseconds: 1000)
            _ = try collector.tick()
        }
        let (read, boot) = (rig.clock.look(), try Host.bootID())
        let last = try #require(try rig.store.live(at: read, ofBoot: boot).containers.first)
        #expect(last.cpuRate != nil)
        let now = Moment(
            wall: Instant(milliseconds: read.wall.milliseconds + age + step),
            bootMicroseconds: read.bootMicroseconds + age * 1000)
        let reading = try rig.store.live(at: now, ofBoot: boot)
        let live = try #require(reading.containers.first)
        #expect(live.cpuRate == (isKnown ? last.cpuRate : nil))
        #expect(live.memory == last.memory)
        #expect((reading.silentSince == nil) == isKnown)
        // A tick looks at the clock a few times, a millisecond each.
        #expect(
            reading.silentSince.map { read.wall.milliseconds - $0.milliseconds < 100 } ?? isKnown)
        // Of another boot nothing is of now.
        #expect(try rig.store.live(at: read, ofBoot: "another").silentSince != nil)
    }
}
