//! How many slots an app's route has: what nginx lists, and what the route table fills.

/// Slots in a route for so many `web` instances.
///
/// Few sizes, far apart: nginx lists the slots by number, so only a change of size needs a reload. Many more slots
/// than instances, so that instances come and go without nginx hearing of it and still get nearly equal shares.
pub fn slots_for(instances: u16) -> u16 {
    match instances {
        0..=6 => 12,
        7..=24 => 48,
        25..=96 => 192,
        97.. => 768,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_always_about_twice_as_many_slots_as_instances() {
        for (instances, slots) in
            [(0, 12), (1, 12), (6, 12), (7, 48), (24, 48), (25, 192), (96, 192), (97, 768), (500, 768)]
        {
            assert_eq!(slots_for(instances), slots);
        }
    }
}
