import GRDB
import Metering
import TestSupport
import Testing
import Units

@testable import Store

/// Hours of a container that are given to tenants, compared with one owner noted for each hour.
@Suite struct OwnedStretchesTests {
    private static let hours: Int64 = 40
    private let rig: StoreRig
    private let container: Int64

    init() throws {
        rig = try StoreRig()
        try rig.adopt(["acme": [], "lab": [], "shop": []])
        container = try rig.tick([StoreRig.entry("/a", 1)], of: rig.begin())[0]
    }

    private func seconds(_ hour: Int64) -> Int64 { StoreRig.start.seconds + hour * 3600 }

    private func stretch(_ since: Int64, _ until: Int64, _ tenant: String?) -> Stretch {
        Stretch(
            container: container, since: seconds(since), until: seconds(until), tenant: tenant)
    }

    private func give(_ stretch: Stretch) throws {
        try rig.store.writing { try $0.give(stretch) }
    }

    private func rows() throws -> [String] {
        try rig.rows(
            """
            SELECT (since_s - \(seconds(0))) / 3600, (until_s - \(seconds(0))) / 3600, tenant
            FROM attribution WHERE container = \(container) ORDER BY since_s
            """)
    }

    /// The owner of each hour, by the rows of the store.
    private func owners(of container: Int64) throws -> [String?] {
        try rig.store.read { db in
            let rows = try Row.fetchAll(
                db, sql: "SELECT since_s, until_s, tenant FROM attribution WHERE container = ?",
                arguments: [container])
            return (0..<Self.hours).map { hour in
                let own = rows.filter { row in
                    (row["since_s"] as Int64) <= seconds(hour)
                        && (row["until_s"] as Int64?) ?? .max > seconds(hour)
                }
                #expect(own.count <= 1, "nobody shares an hour")
                return own.first?["tenant"]
            }
        }
    }

    /// Consecutive hours of one owner, in a part of the clock.
    private func runs(_ owners: [String?], _ from: Int64, _ to: Int64) -> [Stretch] {
        (from..<to).reduce(into: [Stretch]()) { found, hour in
            let owner = owners[Int(hour)]
            if let last = found.last, last.tenant == owner {
                found[found.count - 1].until = seconds(hour + 1)
            } else {
                found.append(stretch(hour, hour + 1, owner))
            }
        }
    }

    @Test(arguments: 0..<5 as Range<UInt64>)
    func everyHourHasTheOwnerItWasLastGivenTo(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var model = [String?](repeating: nil, count: Int(Self.hours))
        if seed.isMultiple(of: 2) {
            // A container that is somebody's with no end.
            try rig.store.write {
                try setTenant($0, of: container, to: "acme", since: Instant(seconds: seconds(5)))
            }
            for hour in 5..<Int(Self.hours) { model[hour] = "acme" }
        }
        for _ in 0..<25 {
            let from = Int64.random(in: 0..<Self.hours, using: &random)
            let to = Int64.random(in: from + 1...min(from + 12, Self.hours), using: &random)
            let tenant = ["acme", "lab", "shop", nil].randomElement(using: &random) ?? nil
            try give(stretch(from, to, tenant))
            for hour in from..<to { model[Int(hour)] = tenant }
            #expect(try owners(of: container) == model)
            let start = Int64.random(in: 0..<Self.hours, using: &random)
            let end = Int64.random(in: start + 1...Self.hours, using: &random)
            let period = try #require(
                Period(
                    start: Instant(seconds: seconds(start)), end: Instant(seconds: seconds(end))))
            let found = try rig.store.read { try stretches($0, of: container, over: period) }
            #expect(found == runs(model, start, end))
        }
        // Rows that touch belong to different owners, and the record of assignments agrees.
        let touching = try rig.rows(
            """
            SELECT a.since_s FROM attribution a JOIN attribution b
                ON b.container = a.container AND b.since_s = a.until_s AND b.tenant IS a.tenant
            """)
        #expect(touching.isEmpty)
        #expect(try rig.store.read { try attributionDamage($0, most: 9) }.isEmpty)
    }

    /// The example in the documentation, and what is left at the ends.
    @Test func theOtherOwnerKeepsWhatLiesOutside() throws {
        try give(stretch(0, 10, "acme"))
        try give(stretch(3, 5, "shop"))
        #expect(try rows() == ["0|3|acme", "3|5|shop", "5|10|acme"])
        try give(stretch(3, 5, "acme"))
        #expect(try rows() == ["0|10|acme"])
        try give(stretch(10, 12, "acme"))
        #expect(try rows() == ["0|12|acme"])
        try give(stretch(0, 12, nil))
        #expect(try rows() == ["0|12|NULL"])
    }

    @Test func hoursWithoutAnEndStayWithoutOne() throws {
        try rig.store.write {
            try setTenant($0, of: container, to: "acme", since: Instant(seconds: seconds(0)))
        }
        try give(stretch(2, 4, "lab"))
        #expect(try rows() == ["0|2|acme", "2|4|lab", "4|NULL|acme"])
        try give(stretch(3, 6, "acme"))
        #expect(try rows() == ["0|2|acme", "2|3|lab", "3|NULL|acme"])
    }

    @Test func anotherContainerIsLeftAlone() throws {
        let run = try rig.begin()
        let other = try rig.tick([StoreRig.entry("/b", 2, at: 1)], of: run, at: 1)[0]
        try give(Stretch(container: other, since: seconds(0), until: seconds(9), tenant: "lab"))
        try give(stretch(0, 5, "acme"))
        #expect(
            try owners(of: other)
                == (0..<Self.hours).map { $0 < 9 ? "lab" : nil })
    }

    /// Hours are given by hand: somebody who writes past them is found.
    @Test func whatWasNeverGivenIsFound() throws {
        try give(stretch(0, 5, "acme"))
        try rig.execute("UPDATE attribution SET tenant = 'lab' WHERE container = \(container)")
        let damage = try rig.store.read { try attributionDamage($0, most: 9) }
        #expect(damage.count == 1 && damage.first?.contains("attribution of /a") == true)
        #expect(damage.first?.contains("lab") == true && damage.first?.contains("acme") == true)
        // Where none may be named, it is counted.
        let counted = try rig.store.read { try attributionDamage($0, most: 0) }
        #expect(counted == ["attribution of 1 more containers was changed"])
    }

    /// Rows of quantity 0 are no use, and hours of several meters count once.
    @Test func usedHoursAreCounted() throws {
        for (hour, meter, quantity) in [(1, 1, 5), (1, 6, 5), (3, 1, 0), (4, 1, 1), (7, 6, 2)]
            as [(Int64, Int, Int)]
        {
            try rig.execute(
                """
                INSERT INTO usage_open
                VALUES (\(seconds(hour)), \(container), \(meter), 1, \(quantity))
                """)
        }
        func used(_ since: Int64, _ until: Int64) throws -> UsedHours? {
            try rig.store.reading { try $0.usedHours(stretch(since, until, nil)) }
        }
        #expect(try used(0, 20) == UsedHours(first: seconds(1), last: seconds(7), count: 3))
        #expect(try used(1, 7) == UsedHours(first: seconds(1), last: seconds(4), count: 2))
        #expect(try used(2, 4) == nil && used(8, 20) == nil)
    }
}
