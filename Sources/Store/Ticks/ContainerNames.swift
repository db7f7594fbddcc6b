import Units

/// The containers that a person means: those of that whole path, else of that name, else those whose
/// path ends so.
///
/// Several may bear one path or name, one after another; the end of a path has to be that of one.
///
/// - Parameters:
///   - place: where the word was given, for the fault.
///   - none: what the fault says was found if no container fits.
///   - cure: what the fault tells people to do then.
public func containers<Container>(
    called word: String, among all: [Container], at place: String,
    none: String = "no container of that path or name in the store",
    suggestion: String = "octroi containers --all and octroi usage --by container list them",
    path: (Container) -> String, name: (Container) -> String?
) throws(Fault) -> [Container] {
    // Byte for byte: two names that look the same are two.
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
