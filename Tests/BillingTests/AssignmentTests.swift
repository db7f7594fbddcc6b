import BigInt
import GRDB
import Metering
import Billing
import Store
import TestSupport
import Testing
import Units

private let hour: Int128 = 3_600_000_000

/// Past hours that are given to a tenant by hand.
@Suite struct AssignmentTests {
    private func owners(_ billing: Billing) throws -> [String: Int128] {
        try billing.store.usage(over: billing.october, by: .tenant)
            .reduce(into: [:]) { $0[$1.tenant ?? "", default: 0] += $1.quantity / hour }
    }

    private func rows(_ billing: Billing) throws -> [String] {
        try DatabaseQueue(path: billing.store.path).read {
            try String.fetchAll(
                $0,
                sql: """
                    SELECT container || ' ' || since_s || ' ' || ifnull(until_s, '-') || ' '
                        || ifnull(tenant, '-') FROM attribution ORDER BY container, since_s
                    """)
        }
    }

    /// One of acme with 744 hours of CPU, one of lab with 7,440.
    private func twoContainers(_ first: String, _ second: String) throws -> Billing {
        let billing = try Billing()
        _ = try billing.store.importUsage(
            [
                billing.row("acme", first, .cpu, 744 * hour),
                billing.row("lab", second, .cpu, 7440 * hour),
            ], at: now)
        return billing
    }

    @Test func aNameOfSeveralIsRefusedWithAllOfThem() throws {
        let billing = try twoContainers("web", "web")
        let third = Tenant(
            id: "third", name: "third", priceBook: "standard", invoiceTo: InvoiceAddress(),
            match: [])
        _ = try billing.store.apply(
            Contract(tenants: [third], books: nil), isPlan: false, at: now)
        let fault = try #require(throws: Fault.self) {
            try billing.assign("web", to: "third", over: billing.october)
        }
        #expect(fault.problem.contains("acme (744 h), lab (744 h)") && fault.kind == .badData)
        #expect(fault.suggestion.contains("--from-tenant"))
        #expect(try owners(billing) == ["acme": 744, "lab": 7440])
        let done = try billing.assign("web", from: "lab", to: "third", over: billing.october)
        #expect(try owners(billing) == ["acme": 744, "third": 7440])
        #expect(done.sides.map(\.tenant) == ["lab", "third"])
        #expect(done.sides.map(\.hours) == [-744, 744])
        let money = done.sides.compactMap(\.money)
        #expect(money.map(\.before) == [267_840, 0] && money.map(\.after) == [0, 267_840])
        // What is the tenant's own already makes the name no less clear.
        #expect(try billing.assign("web", to: "third", over: billing.october).accounts == 1)
        #expect(try owners(billing) == ["third": 8184])
    }

    /// The end of a path may fit several; whose hours are meant says which.
    @Test func theOldOwnerTellsPathsApart() throws {
        let billing = try twoContainers("/a/web", "/b/web")
        let fault = try #require(throws: Fault.self) {
            try billing.assign("web", to: "acme", over: billing.october)
        }
        #expect(fault.problem == "2 containers whose path ends so")
        _ = try billing.assign("web", from: "lab", to: "acme", over: billing.october)
        #expect(try owners(billing) == ["acme": 8184])
    }

    @Test func aPlanChangesNothing() throws {
        let billing = try Billing()
        _ = try billing.store.importUsage([billing.row("acme", "a", .cpu, 744 * hour)], at: now)
        let before = try rows(billing)
        let plan = try billing.assign("a", to: "lab", over: billing.october, isPlan: true)
        #expect(plan.sides.map(\.hours) == [-744, 744])
        #expect(plan.sides.compactMap(\.money).map(\.after) == [0, 26_784])
        #expect(try rows(billing) == before && billing.store.assignments().isEmpty)
    }

    @Test func whatIsTakenBackIsAsItWas() throws {
        let billing = try Billing()
        _ = try billing.store.importUsage([billing.row("acme", "a", .cpu, 744 * hour)], at: now)
        let before = try rows(billing)
        let start = billing.october.start
        let middle = try #require(
            Period(
                start: start.advanced(bySeconds: 36_000), end: start.advanced(bySeconds: 72_000)))
        let done = try billing.assign("a", to: "lab", over: middle)
        #expect(try owners(billing) == ["acme": 734, "lab": 10])
        #expect(try billing.store.assignments().map(\.number) == [done.number])
        let plan = try billing.store.unassign(done.number, isPlan: true, at: now)
        #expect(plan.sides.map(\.hours) == [10, -10])
        let back = try billing.store.unassign(done.number, at: now)
        #expect(back.sides.compactMap(\.money).map(\.after) == [26_784, 0])
        #expect(try rows(billing) == before && billing.store.assignments().isEmpty)
        #expect(throws: Fault.self) { try billing.store.unassign(done.number, at: now) }
        #expect(throws: Fault.self) { try billing.store.unassign(99, at: now) }
    }

    /// Who was given hours that changed hands again keeps them.
    @Test func whatChangedHandsAgainIsNotTakenBack() throws {
        let billing = try Billing()
        _ = try billing.store.importUsage([billing.row("acme", "a", .cpu, 744 * hour)], at: now)
        let first = try billing.assign("a", to: "lab", over: billing.october)
        let second = try billing.assign("a", to: "acme", over: billing.october)
        #expect(throws: Fault.self) { try billing.store.unassign(first.number, at: now) }
        _ = try billing.store.unassign(second.number, at: now)
        _ = try billing.store.unassign(first.number, at: now)
        #expect(try owners(billing) == ["acme": 744])
    }

    @Test(arguments: [("a", "nobody"), ("b", "acme"), ("a", "unattributed")])
    func hoursThatAreNotThereAreSaid(container: String, from: String) throws {
        let billing = try Billing()
        _ = try billing.store.importUsage([billing.row("acme", "a", .cpu, hour)], at: now)
        #expect(throws: Fault.self) {
            try billing.assign(container, from: from, to: "lab", over: billing.october)
        }
        #expect(throws: Fault.self) {
            try billing.assign("a", to: "lab", over: billing.november)
        }
    }

    /// Whatever is given to whom, in which order: taken back in turn, all is as it was.
    @Test func anyAssignmentsAreTakenBackInTurn() throws {
        var random = SeededRandom(seed: 4)
        for _ in 0..<20 {
            let billing = try Billing()
            _ = try billing.store.importUsage(
                [billing.row("acme", "a", .cpu, 744 * hour)], at: now)
            let before = try rows(billing)
            var numbers: [Int64] = []
            for _ in 0..<6 {
                let first = Int64.random(in: 0...700, using: &random)
                let count = Int64.random(in: 1...44, using: &random)
                let start = billing.october.start.advanced(bySeconds: first * 3600)
                let part = try #require(
                    Period(start: start, end: start.advanced(bySeconds: count * 3600)))
                let tenant = Bool.random(using: &random) ? "acme" : "lab"
                do {
                    numbers.append(try billing.assign("a", to: tenant, over: part).number)
                } catch let fault as Fault { #expect(fault.problem.contains("no usage")) }
            }
            for number in numbers.reversed() {
                _ = try billing.store.unassign(number, at: now)
            }
            #expect(try rows(billing) == before)
        }
    }
}
