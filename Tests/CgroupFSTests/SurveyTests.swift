import Foundation
import Metering
import SystemPackage
import Testing
import Units

@testable import CgroupFS

/// Surveys that a recording brings, and plans of one.
@Suite struct SurveyTests {
    private static func cgroup(
        _ path: String, _ role: FoundCgroup.Role, birth: Moment? = nil
    ) -> FoundCgroup {
        FoundCgroup(
            path: path, id: 1, role: role, root: nil, isPopulated: nil, isLeaf: true,
            isWhole: false, birth: birth, hasEnded: false, hadChildren: false)
    }

    /// Cgroups 0 and 1 are tenant roots, 2 and 3 containers, 4 is an inner one.
    private static let cgroups = [
        cgroup("/t", .tenantRoot), cgroup("/t/u", .tenantRoot), cgroup("/t/a", .container),
        cgroup("/b", .container), cgroup("/p", .inner),
    ]

    @Test(
        arguments: [
            ([], true), ([.account(3)], true), ([.above(4)], true),
            ([.ahead(0), .account(2), .account(0), .account(3)], true),
            ([.ahead(0), .ahead(1), .account(2), .account(1), .account(0)], true),
            // Left out, out of place, or twice.
            ([.ahead(0)], false), ([.account(0)], false), ([.account(0), .ahead(0)], false),
            ([.ahead(0), .ahead(1), .account(0), .account(1)], false),
            ([.ahead(0), .account(0), .account(0)], false),
            ([.ahead(0), .account(0), .ahead(0), .account(0)], false),
            ([.account(3), .account(3)], false),
            // Of another role.
            ([.above(3)], false), ([.above(0)], false), ([.ahead(3), .account(3)], false),
            ([.account(4)], false), ([.ahead(4)], false),
            // Nowhere.
            ([.account(5)], false), ([.account(-1)], false), ([.above(5)], false),
            ([.ahead(-1)], false), ([.account(.max)], false), ([.above(.min)], false),
        ] as [([Survey.Step], Bool)])
    func stepsOfAForeignSurveyAreChecked(steps: [Survey.Step], isSound: Bool) {
        var survey = Survey()
        (survey.cgroups, survey.steps) = (Self.cgroups, steps)
        #expect(survey.isSound == isSound)
    }

    @Test(arguments: [
        (0, true), (1, true), (1 << 20 - 1, true), (1 << 20, false), (-1, false), (.max, false),
        (.min, false),
    ])
    func countsOfAForeignSurveyAreBounded(ends: Int, isSound: Bool) {
        var survey = Survey()
        survey.unseenEnds = [0: 3, 7: ends]
        #expect(survey.isSound == isSound)
    }

    @Test func onlyProvenBirthsAreCounted() {
        var survey = Survey()
        let moment = Moment(wall: Instant(seconds: 5), bootMicroseconds: 5)
        survey.cgroups =
            Self.cgroups + [Self.cgroup("/n", .container, birth: moment)]
            + [Self.cgroup("/m", .inner, birth: moment)]
        #expect(survey.births == 2 && Survey().births == 0)
    }

    @Test(
        arguments: [
            ([], []), (["/a"], []), (["/a/b"], ["/a"]), (["/a/b/c"], ["/a", "/a/b"]),
            (["/a/b/c", "/a/d"], ["/a", "/a/b"]), (["/a/b", "/a"], ["/a"]), (["/"], []),
            (["/a.slice/a-b.slice/x.scope"], ["/a.slice", "/a.slice/a-b.slice"]),
        ] as [(Set<String>, Set<String>)])
    func whatLiesAboveTenantRootsHoldsThem(roots: Set<String>, holders: Set<String>) {
        #expect(SurveyPlan(nesting: { _ in .many }, tenantRoots: roots).holders == holders)
    }

    /// A recording is read by other versions than the one that wrote it.
    @Test func aSurveyComesBackFromJSON() throws {
        var survey = Survey()
        survey.revision = 3
        survey.cgroups = Self.cgroups
        survey.cgroups[2].birth = Moment(wall: Instant(seconds: 7), bootMicroseconds: 8)
        survey.cgroups[3].isPopulated = true
        survey.steps = [.ahead(0), .account(2), .account(0), .above(4)]
        survey.seen = [1, 5, .max]
        survey.unseenEnds = [0: 2, 9: 1]
        survey.failed = ["/dark": .permissionDenied]
        survey.unaccounted = ["/p"]
        survey.twins = ["/w"]
        let back = try JSONDecoder().decode(Survey.self, from: JSONEncoder().encode(survey))
        #expect(back.revision == 3 && back.cgroups == survey.cgroups && back.steps == survey.steps)
        #expect(back.seen == survey.seen && back.unseenEnds == survey.unseenEnds)
        #expect(back.failed == survey.failed && back.unaccounted == ["/p"] && back.twins == ["/w"])
        // A recording of before 0.2 has no twins.
        survey.twins = nil
        let text = String(decoding: try JSONEncoder().encode(survey), as: UTF8.self)
        #expect(!text.contains("twins"))
        #expect(try JSONDecoder().decode(Survey.self, from: Data(text.utf8)).twins == nil)
    }
}
