// Owns the app's start.

import SwiftUI

@main
struct SampleApp: App {
    @StateObject private var shelf = ShelfModel()

    var body: some Scene {
        WindowGroup {
            ShelfView(shelf: shelf)
                .task { await shelf.open() }
                .onReceive(NotificationCenter.default.publisher(for: UIApplication.didReceiveMemoryWarningNotification)) { _ in
                    shelf.releaseMemory()
                }
        }
    }
}
