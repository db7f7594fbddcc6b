import Synchronization

/// What other services learn of ticks.
struct TickNews: Sendable {
    /// How many ticks were committed since the collector started.
    var kept: Int
    /// When the last of them was, in µs after boot.
    var lastKept: Int64
}

/// Tells services of every tick.
///
/// A service that is slow to look sees only the newest one.
final class TickFeed: Sendable {
    private struct State {
        var news = TickNews(kept: 0, lastKept: 0)
        var listeners: [AsyncStream<TickNews>.Continuation] = []
    }

    private let state = Mutex(State())

    /// A stream that begins with the next tick and goes on until its reader ends.
    func subscribe() -> AsyncStream<TickNews> {
        let (stream, listener) = AsyncStream.makeStream(
            of: TickNews.self, bufferingPolicy: .bufferingNewest(1))
        state.withLock { $0.listeners.append(listener) }
        return stream
    }

    /// - Parameters:
    ///   - isKept: whether the tick was committed; if not, metering is behind.
    ///   - now: µs after boot.
    func send(isKept: Bool, at now: Int64) {
        state.withLock { state in
            if isKept { (state.news.kept, state.news.lastKept) = (state.news.kept + 1, now) }
            for listener in state.listeners { listener.yield(state.news) }
        }
    }

    /// The newest news.
    var latest: TickNews { state.withLock { $0.news } }
}
