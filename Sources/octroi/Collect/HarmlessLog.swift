import Logging
import Units

/// Writes the log to standard error, with control characters in messages escaped.
///
/// Messages repeat names of cgroups and containers. A name with a newline in it could otherwise
/// forge a line of the log.
struct HarmlessLog: LogHandler {
    /// Writes the lines.
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
