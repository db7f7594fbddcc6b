import CgroupFormat
import Testing

@Suite struct CPUListTests {
    @Test(arguments: [
        ("0", "0"), ("0-3", "0-3"), ("0-3,7\n", "0-3,7"), ("3,1,2", "1-3"), ("0-1,1-2", "0-2"),
        ("", "all"), ("\n", "all"), ("8191", "8191"), ("5-5", "5"),
    ])
    func kernelText(text: String, list: String) throws {
        let read = try #require(CPUList(text))
        #expect(read.description == list)
        if list != "all" { #expect(CPUList(list) == read) }
    }

    @Test(arguments: [
        "a", "-1", "1-", "3-1", "1,,2", "1 2", "0x1", "8192", "+1", " 1", "1,",
        "99999999999999999999",
    ])
    func otherTextIsNone(text: String) { #expect(CPUList(text) == nil) }

    @Test(
        arguments: [
            ("0-3", "2-5", "2-3"), ("all", "1", "1"), ("1", "all", "1"), ("0", "1", nil),
            ("all", "all", "all"),
        ] as [(String, String, String?)])
    func whatBothHave(a: String, b: String, both: String?) throws {
        func list(_ text: String) throws -> CPUList {
            text == "all" ? .all : try #require(CPUList(text))
        }
        #expect(try list(a).intersection(list(b))?.description == both)
    }
}
