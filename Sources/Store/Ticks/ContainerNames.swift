import Units

/// Finds the containers that a word means.
///
/// It is compared with whole paths first, then with names, then with ends of paths. Several
/// containers may have had the same path or name one after another, and all of them are returned.
/// An end of a path must belong to a single path.
///
/// Example: `web.service` finds `/system.slice/web.service`.
///
/// - Parameters:
///   - place: where the word was given, for the fault.
///   - none: the problem to state if no container is found.
///   - suggestion: what to suggest then.
/// - Throws: `badData` if there is none, `wrongUse` if the end of a path is ambiguous.
public func containers<Container>(
    called word: String, among all: [Container], at place: String,
    none: String = "no container of that path or name in the store",
    suggestion: String = "octroi containers --all and octroi usage --by container list them",
    path: (Container) -> String, name: (Container) -> String?
) throws(Fault) -> [Container] {
    // Compare bytes: two names that Unicode treats as equal are different names.
    let exact = ExactText(word)
    let ofPath = all.filter { ExactText(path($0)) == exact }
    guard ofPath.isEmpty else { return ofPath }
    let ofName = all.filter { name($0).map { ExactText($0) } == exact }
    guard ofName.isEmpty else { return ofName }
    let found = all.filter { path($0).utf8.reversed().starts(with: "/\(word)".utf8.reversed()) }
    let paths = Set(found.map { ExactText(path($0)) }).sorted()
    guard !found.isEmpty else {
        throw Fault(
            .badData, at: place, problem: none, suggestion: suggestion)
    }
    guard paths.count == 1 else {
        throw Fault(
            .wrongUse, at: place, problem: "\(paths.count) containers whose path ends so",
            suggestion: "Give a longer path: "
                + paths.prefix(4).map { escapingControlCharacters($0.text) }.joined(separator: ", ")
        )
    }
    return found
}
