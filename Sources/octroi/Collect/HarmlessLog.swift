import Logging
import Units

/// The log on standard error, a line each, whatever is in the names that it repeats.
struct HarmlessLog: LogHandler {
    private var log: StreamLogHandler

    init(label: String) { log = StreamLogHandler.standardError(label: label) }

    var metadata: Logger.Metadata {
        get { log.metadata }
        set { log.metadata = newValue }
    }

    var logLevel: Logger.Level {
        get { log.logLevel }
        set { log.logLevel = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { log[metadataKey: key] }
        set { log[metadataKey: key] = newValue }
    }

    func log(event: LogEvent) {
        var event = event
        event.message = "\(escapingControlCharacters(event.message.description))"
        log.log(event: event)
    }
}
