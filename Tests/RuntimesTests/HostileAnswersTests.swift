import Foundation
import Metering
import TestSupport
import Testing

@testable import Runtimes

private let id = String(repeating: "0a", count: 32)

/// Names and labels that a workload chose, in files and answers of engines.
@Suite struct HostileAnswersTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func details(_ answer: NameFinder.Answer) throws -> ContainerDetails {
        guard case .found(let details) = answer else { throw CancellationError() }
        return details
    }

    @Test(arguments: [
        "", "null", "[]", "7", "\"x\"", "{", "{\"Name\":7}", "{\"Config\":[]}",
        "{\"Config\":{\"Labels\":{\"a\":1}}}", "{\"Config\":{\"Image\":{}}}", "\u{0}",
        String(repeating: "[", count: 100_000),
    ])
    func whatIsNoDocumentIsUnclear(json: String) throws {
        let engine = try FakeEngine(["GET ": FakeEngine.json(json)])
        let finder = NameFinder([Docker(sockets: [engine.socket])])
        #expect(finder.details(of: "/docker/\(id)", runtime: "docker") == .unclear)
        #expect(engine.asked == ["GET /containers/\(id)/json"])
    }

    /// A document without names is one all the same, and nothing is made up.
    @Test(arguments: ["{}", "{\"Name\":null,\"Config\":null}", "{\"Config\":{\"Labels\":null}}"])
    func whatIsLeftOutIsNotKnown(json: String) throws {
        let found = try #require(ContainerDetails(inspected: Data(json.utf8)))
        #expect(
            found == ContainerDetails(name: nil, image: nil, labels: [:], namespace: nil))
    }

    /// Only what the path proves to be an engine's id is asked for, and of no other runtime.
    @Test(arguments: [
        "/docker/short", "/docker/\(id)/\(id)", "/tenants/docker-\(id).scope", "/a/\(id)",
        "/docker/\(id.uppercased())", "/docker/\(id)0",
    ])
    func aPathWithoutAnIDIsNotAskedFor(path: String) throws {
        let engine = try FakeEngine()
        let finder = NameFinder([Docker(sockets: [engine.socket])])
        #expect(finder.details(of: path, runtime: "docker") == .unknown)
        #expect(finder.details(of: "/docker/\(id)", runtime: "podman") == .unknown)
        #expect(engine.asked.isEmpty)
    }

    @Test func theFirstSocketThatIsThereIsAsked() throws {
        let (first, second) = (try FakeEngine(), try FakeEngine())
        let podman = Podman(sockets: ["/nowhere.sock", first.socket, second.socket])
        #expect(podman.details(of: "/machine.slice/libpod-\(id).scope") == .unknown)
        #expect(first.asked.count == 1 && second.asked.isEmpty)
    }

    /// Of a text that is too long its beginning is kept, and of a key that is too long nothing.
    @Test(arguments: [(1024, 1024), (1025, 256), (100_000, 256)])
    func longTextsAreCut(length: Int, kept: Int) {
        let text = String(repeating: "x", count: length)
        let made = ContainerDetails(
            name: text, image: text, labels: ["io.kubernetes.pod.namespace": text, "k": text])
        let wanted = String(repeating: "x", count: kept)
        #expect(made.name == wanted && made.image == wanted && made.namespace == wanted)
        #expect(made.labels == ["io.kubernetes.pod.namespace": wanted, "k": wanted])
    }

    @Test(arguments: [(256, true), (257, false)]) func longKeysAreLeftOut(
        length: Int, isKept: Bool
    ) {
        let key = String(repeating: "k", count: length)
        let made = ContainerDetails(name: nil, image: nil, labels: [key: "", "a": "b"])
        #expect(made.labels.keys.sorted() == (isKept ? ["a", key] : ["a"]))
    }

    /// A container of a pod is named by both, and one that says nothing by its engine.
    @Test(
        arguments: [
            ([:], "engine"), (["io.kubernetes.container.name": "web"], "web"),
            (["io.kubernetes.pod.name": "shop"], "shop"),
            (
                ["io.kubernetes.container.name": "web", "io.kubernetes.pod.name": "shop"],
                "shop/web"
            ),
            (
                [
                    "io.kubernetes.container.name": "web", "io.kubernetes.cri.container-name": "x",
                    "io.kubernetes.cri.sandbox-name": "shop",
                ], "shop/web"
            ),
        ] as [([String: String], String)])
    func podsNameTheirContainers(labels: [String: String], name: String) {
        #expect(ContainerDetails(name: "engine", image: nil, labels: labels).name == name)
    }

    /// The first bundle that is there decides; one that is too long is as if it were not there.
    @Test func bundlesAreReadInTheirOrder() throws {
        let bundles = ["a", "b"].map { "\(folder.path)/\($0)/ID/config.json" }
        let path = "/kubepods.slice/kubepods-pod9.slice/cri-containerd-\(id).scope"
        let runtime = Containerd(bundles: bundles)
        #expect(runtime.details(of: path) == .unknown)
        func put(_ name: String, _ text: String) throws {
            try folder.write(text, to: "\(name)/\(id)/config.json")
        }
        func annotated(_ name: String) -> String {
            #"{"annotations":{"io.kubernetes.pod.name":"\#(name)"}}"#
        }
        try put("b", annotated("second"))
        #expect(try details(runtime.details(of: path)).name == "second")
        try put("a", annotated("first"))
        #expect(try details(runtime.details(of: path)).name == "first")
        try put("a", annotated(String(repeating: "x", count: 4 << 20)))
        #expect(try details(runtime.details(of: path)).name == "second")
        for text in ["", "{}", #"{"annotations":{}}"#, #"{"annotations":[]}"#, "rubbish"] {
            try put("a", text)
            #expect(runtime.details(of: path) == .unknown, "\(text)")
        }
    }

    /// Files of guests, with lines that are none.
    @Test(
        arguments: [
            ("hostname: web\n", "web", []), ("name:web\n", "web", []), ("name:  web\n", "web", []),
            ("name: a: b\n", "a: b", []), ("name:\n", nil, []), ("", nil, []), ("name", nil, []),
            ("#name: web\n", nil, []), ("Name: web\n", nil, []), ("name: a\nname: b\n", "b", []),
            ("tags: a;b, c\n", nil, ["a", "b", "c"]), ("tags: ;;\n", nil, []),
            ("[old]\nname: web\ntags: a\n", nil, []),
            ("name: web\n[old]\nname: old\n", "web", []), (":\n: x\nname: web", "web", []),
        ] as [(String, String?, [String])])
    func guestsOfProxmox(config: String, name: String?, tags: [String]) {
        let guest = ProxmoxGuest(config: config)
        #expect(guest.name == name && guest.tags == tags)
    }

    @Test(
        arguments: [
            ("pool:acme::101,200:", "acme"), ("pool:acme:note:200;101:x:", "acme"),
            ("pool:acme:101:200:", nil), ("pool::x:101:", nil), ("pool:acme::1010,10:", nil),
            ("pool:acme:\n101", nil), ("Pool:acme::101:", nil), ("user:acme::101:", nil),
            ("pool:a::1:\npool:b::101:\npool:c::101:", "b"), ("", nil), ("pool:acme", nil),
        ] as [(String, String?)])
    func poolsOfProxmox(config: String, name: String?) {
        #expect(pool(of: "101", in: config) == name)
    }

    @Test(arguments: [
        ("web", "web"), (#"web\x2d1"#, "web-1"), (#"\x41\x7e"#, "A~"),
        // What is not visible stays as it is written.
        (#"a\x20b"#, #"a\x20b"#), (#"a\x0ab"#, #"a\x0ab"#), (#"a\xffb"#, #"a\xffb"#),
        (#"a\x2"#, #"a\x2"#), (#"a\x"#, #"a\x"#), (#"a\"#, #"a\"#), (#"a\y2d"#, #"a\y2d"#),
        (#"\x5cx2d"#, #"\x2d"#),
    ])
    func escapesOfUnits(name: String, wanted: String) {
        #expect(unescaped(name[...]) == wanted)
    }
}
