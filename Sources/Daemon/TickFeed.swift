import Synchronization

/// What other services learn about ticks.
struct TickNews: Sendable {
    /// The number of ticks that were committed since the collector started.
    var kept: Int
    /// When the last committed tick ended, in µs after boot; 0 if there is none.
    var lastKept: Int64
}

/// Tells services about every tick.
///
/// A service that is busy misses ticks: it sees only the newest one when it is done.
final class TickFeed: Sendable {
    /// What the mutex protects.
    private struct State {
        var news = TickNews(kept: 0, lastKept: 0)
        var listeners: [AsyncStream<TickNews>.Continuation] = []
    }

    private let state = Mutex(State())

    /// A stream of ticks, from the next one on.
    ///
    /// It ends when the task that reads it is cancelled.
    func subscribe() -> AsyncStream<TickNews> {
        let (stream, listener) = AsyncStream.makeStream(
            of: TickNews.self, bufferingPolicy: .bufferingNewest(1))
        state.withLock { $0.listeners.append(listener) }
        return stream
    }

    /// Tells all services about a tick.
    ///
    /// - Parameters:
    ///   - isKept: whether the tick was committed; if not, metering is out of date.
    ///   - now: µs after boot.
    func send(isKept: Bool, at now: Int64) {
        state.withLock { state in
            if isKept { (state.news.kept, state.news.lastKept) = (state.news.kept + 1, now) }
            for listener in state.listeners { listener.yield(state.news) }
        }
    }

    /// The state after the last tick.
    var latest: TickNews { state.withLock { $0.news } }
}
