import Testing

@testable import Daemon

/// What services learn of ticks.
@Suite struct TickFeedTests {
    private let feed = TickFeed()

    @Test func onlyCommittedTicksMoveTheTime() {
        #expect(feed.latest.kept == 0 && feed.latest.lastKept == 0)
        for (isKept, now, kept, last) in [
            (false, 5, 0, 0), (true, 7, 1, 7), (false, 9, 1, 7), (true, 11, 2, 11),
        ] as [(Bool, Int64, Int, Int64)] {
            feed.send(isKept: isKept, at: now)
            #expect(feed.latest.kept == kept && feed.latest.lastKept == last)
        }
    }

    /// A service that was busy sees the newest tick, and each one only once.
    @Test func whoIsBusyMissesTicks() async {
        var iterator = feed.subscribe().makeAsyncIterator()
        for now in 1...5 as ClosedRange<Int64> { feed.send(isKept: true, at: now) }
        #expect(await iterator.next()?.lastKept == 5)
        feed.send(isKept: true, at: 6)
        let next = await iterator.next()
        #expect(next?.lastKept == 6 && next?.kept == 6)
    }

    @Test func aTickThatFailedWakesServicesAllTheSame() async {
        var iterator = feed.subscribe().makeAsyncIterator()
        feed.send(isKept: false, at: 3)
        let news = await iterator.next()
        #expect(news?.kept == 0 && news?.lastKept == 0)
    }

    @Test func everyServiceIsToldFromItsSubscriptionOn() async {
        var early = feed.subscribe().makeAsyncIterator()
        feed.send(isKept: true, at: 1)
        #expect(await early.next()?.kept == 1)
        var late = feed.subscribe().makeAsyncIterator()
        feed.send(isKept: true, at: 2)
        #expect(await early.next()?.kept == 2)
        #expect(await late.next()?.kept == 2, "it was not told of the first")
    }

    @Test func aCancelledTaskIsToldNoMore() async {
        let ticks = feed.subscribe()
        let task = Task {
            var seen = 0
            for await news in ticks { seen = news.kept }
            return seen
        }
        task.cancel()
        feed.send(isKept: true, at: 1)
        #expect(await task.value <= 1, "it comes to an end")
        feed.send(isKept: true, at: 2)
        #expect(feed.latest.kept == 2)
    }
}
