import Foundation
import Glibc
import Metering
@testable import Runtimes
import TestSupport
import Testing

private let id = String(repeating: "0a", count: 32)

@Suite struct NamesTests {
    @Test(arguments: [
        ("/system.slice/docker-\(id).scope", "docker", true),
        ("/docker/\(id)", "docker", true),
        ("/machine.slice/libpod-\(id).scope", "podman", true),
        (
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1_2.slice/cri-containerd-\(id).scope",
            "containerd", true
        ),
        ("/kubepods.slice/kubepods-pod9.slice/crio-\(id).scope", "cri-o", true),
        ("/kubepods/burstable/pod1-2-3/\(id)", "kubernetes", true),
        ("/system.slice/web.service", "systemd", false),
        ("/lxc.payload.box", "lxc", false),
        ("/tenants/acme/web", "cgroup", false),
        ("/system.slice/docker-short.scope", "docker", false),
        // Made by a workload in what is delegated to it, to pass for another's.
        ("/user.slice/user-1000.slice/user@1000.service/docker-\(id).scope", "systemd", false),
        ("/tenants/acme/docker-\(id).scope", "systemd", false),
        ("/docker/mine/\(id)", "cgroup", false),
        ("/lxc.payload.box/system.slice/docker-\(id).scope", "cgroup", false),
        ("/user.slice/user-1.slice/user@1.service/user.slice/libpod-\(id).scope", "podman", false),
        ("/tenants/acme/kubepods/pod1/\(id)", "kubernetes", false),
        ("/system.slice/crio-conmon-\(id).scope", "monitor", false),
    ])
    func pathsTellRuntimeAndID(path: String, runtime: String, hasID: Bool) {
        #expect(PathShape.runtime(of: path) == runtime)
        #expect((PathShape.containerID(of: path) == id) == hasID)
    }

    @Test(
        arguments: [
            (Rule.cgroup("/lxc/101/ns/system.slice/acme*.service"), "/lxc/101 is one container"),
            (.cgroup("/system.slice/web.service/worker"), "/system.slice/web.service is one"),
            (.cgroup("/system.slice/slurmstepd.scope"), "holds containers"),
            (.cgroup("/a/../b"), "\"..\""), (.root("/.."), "\"..\""),
            (.root("/a//b"), "empty name"),
            (.root("/a\n"), "newline"), (.unit("acme-web"), "services and scopes"),
            (.unit("acme-*.mount"), "services and scopes"), (.unit("a/b.service"), "/"),
            (.cgroup("/lxc/101/**"), nil), (.cgroup("/lxc/101/ns/**"), nil),
            (.cgroup("/lxc/101"), nil), (.cgroup("/lxc/*/**"), nil), (.cgroup("/**"), nil),
            (.cgroup("/system.slice/web.service/**"), nil), (.cgroup("/tenants/acme/**"), nil),
            (.cgroup("/system.slice/containerd.service/kubepods-pod1*"), nil),
            (.cgroup("/system.slice/slurmstepd.scope/job_1*"), nil), (.root("/lxc/101/ns/x"), nil),
            (.unit("acme-*"), nil), (.unit("acme-*.service"), nil), (.unit("*.scope"), nil),
            (.unit("a?serv?ce"), nil), (.slice("tenant-a.slice"), nil), (.label("a=b"), nil),
        ] as [(Rule, String?)])
    func rulesThatMatchNothingAreTold(rule: Rule, found: String?) {
        let why = unreachable(rule)
        #expect((why == nil) == (found == nil))
        if let found { #expect(why?.found.contains(found) == true, "\(why?.found ?? "")") }
    }

    @Test func complaintsAboutRulesFitAScreen() {
        let tenants = (0..<100).map {
            Tenant(
                id: "t\($0)", name: "", priceBook: nil, invoiceTo: InvoiceAddress(),
                match: [.root("/a/../" + String(repeating: "x", count: 10_000))])
        }
        let lines = unreachableRules(of: tenants)
        #expect(lines.count == 21 && lines.allSatisfy { $0.count < 1000 })
    }

    @Test func dockersAnswerIsRead() throws {
        let json =
            #"{"Name":"/shop","Config":{"Image":"nginx:1","Labels":{"octroi.tenant":"acme"}},"X":1}"#
        let details = ContainerDetails(inspected: Data(json.utf8))
        #expect(
            details
                == ContainerDetails(
                    name: "shop", image: "nginx:1", labels: ["octroi.tenant": "acme"],
                    namespace: nil))
        #expect(ContainerDetails(inspected: Data("[]".utf8)) == nil)
    }

    @Test func annotationsNamePodAndNamespace() throws {
        let json = #"""
            {"annotations":{"io.kubernetes.cri.container-name":"web","io.kubernetes.cri.sandbox-name":"shop-1",
             "io.kubernetes.cri.sandbox-namespace":"acme","io.kubernetes.cri.image-name":"nginx:1"}}
            """#
        let details = ContainerDetails(bundle: Data(json.utf8))
        #expect(details?.name == "shop-1/web" && details?.namespace == "acme")
        #expect(details?.image == "nginx:1")
        #expect(ContainerDetails(bundle: Data("{}".utf8)) == nil)
    }

    @Test func aWorkloadsWordsAreBounded() {
        let long = String(repeating: "x", count: 100_000)
        let labels = Dictionary(uniqueKeysWithValues: (0..<1000).map { ("k\($0)", long) })
        let details = ContainerDetails(name: long, image: long, labels: labels)
        #expect(details.name?.count == 256 && details.labels.count == 1000)
        #expect(details.labels.values.allSatisfy { $0.count <= 1024 })
    }

    @Test(arguments: [
        ("HTTP/1.0 200 OK\r\nA: b\r\n\r\nbody", 200, "body"),
        ("HTTP/1.1 404 Not Found\r\n\r\n", 404, ""),
    ])
    func answersAreTakenApart(text: String, status: Int, body: String) {
        let answer = UnixHTTP.parse(Data(text.utf8))
        #expect(answer?.status == status && answer?.body == Data(body.utf8))
    }

    @Test(arguments: ["", "HTTP/1.0 200 OK\r\n", "SSH-2.0\r\n\r\n", "HTTP/1.0 x\r\n\r\n"])
    func whatIsNoAnswerIsNone(text: String) {
        #expect(UnixHTTP.parse(Data(text.utf8)) == nil)
    }

    /// A socket at which `answer` is given to the first who connects; without one, nobody ever is.
    private func serve(
        _ answer: (@Sendable (_ connection: Int32) -> Void)?, _ ask: (String) throws -> Void
    ) throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/s"
        let listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(listener) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(bound == 0 && listen(listener, 4) == 0)
        if let answer {
            Thread.detachNewThread {
                let connection = accept(listener, nil, nil)
                answer(connection)
                close(connection)
            }
        }
        try ask(path)
    }

    private func serve(_ answer: String, _ ask: (String) throws -> Void) throws {
        try serve(
            { connection in
                var request = [UInt8](repeating: 0, count: 4096)
                _ = recv(connection, &request, request.count, 0)
                _ = answer.withCString { send(connection, $0, strlen($0), 0) }
            }, ask)
    }

    private func find(_ socket: String) -> NameFinder.Answer {
        NameFinder([Docker(sockets: [socket])])
            .details(of: "/system.slice/docker-\(id).scope", runtime: "docker")
    }

    @Test func dockerIsAskedOverItsSocket() throws {
        try serve("HTTP/1.0 200 OK\r\n\r\n{\"Name\":\"/shop\",\"Config\":{}}") { socket in
            guard case .found(let details) = find(socket) else {
                Issue.record("no answer")
                return
            }
            #expect(details.name == "shop")
        }
        try serve("HTTP/1.0 404 Not Found\r\n\r\n{}") { #expect(find($0) == .unknown) }
        try serve("HTTP/1.0 200 OK\r\n\r\nrubbish") { #expect(find($0) == .unclear) }
        try serve("HTTP/1.0 500 No\r\n\r\n{}") { #expect(find($0) == .unclear) }
    }

    /// Without a time limit it would wait for ever.
    @Test func aSocketThatNeverAnswersIsSilent() throws {
        try serve(nil) { #expect(find($0) == .silent) }
        #expect(find("/nowhere.sock") == .unknown)
    }

    /// Bytes that drip in keep no request alive past its time limit.
    @Test func anAnswerThatDripsCostsItsTimeLimit() throws {
        try serve({ connection in
            // A byte now and then, until whoever asked has hung up.
            var end = pollfd(fd: connection, events: 0, revents: 0)
            while poll(&end, 1, 100) == 0 { send(connection, "x", 1, Int32(MSG_NOSIGNAL)) }
        }) { socket in
            #expect { try UnixHTTP.get("/", at: socket, seconds: 1) } throws: {
                "\($0)".contains("timed out")
            }
        }
    }

    @Test func bundlesAreFoundByID() throws {
        let folder = try TemporaryFolder()
        try folder.write(
            #"{"annotations":{"io.kubernetes.pod.namespace":"lab"}}"#, to: "\(id)/config.json")
        let finder = NameFinder([
            Kubernetes(bundles: ["\(folder.path)/ID/config.json"])
        ])
        let answer = finder.details(of: "/kubepods/besteffort/pod1/\(id)", runtime: "kubernetes")
        guard case .found(let details) = answer else {
            Issue.record("not found")
            return
        }
        #expect(details.namespace == "lab")
    }
}
