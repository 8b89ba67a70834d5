//! The places of a front door: names, settings, pages, certificates.

use std::path::{Path, PathBuf};

use super::Front;

impl Front {
    /// All of it.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Names besides the app's own, a line each.
    pub fn domains_file(&self) -> PathBuf {
        self.dir.join("domains")
    }

    /// Settings of nginx by name.
    pub fn settings_file(&self) -> PathBuf {
        self.dir.join("settings")
    }

    /// Pages of one's own: `502.html`, `maintenance.html`.
    pub fn pages_dir(&self) -> PathBuf {
        self.dir.join("pages")
    }

    /// There while the app is in maintenance.
    pub fn maintenance_file(&self) -> PathBuf {
        self.dir.join("maintenance")
    }

    /// Certificates with their keys, a directory each, never changed.
    pub fn certs_dir(&self) -> PathBuf {
        self.dir.join("certs")
    }

    /// Names the certificate in force.
    pub fn cert_file(&self) -> PathBuf {
        self.dir.join("cert")
    }

    /// How the certificate is had and kept up by itself.
    pub fn auto_file(&self) -> PathBuf {
        self.dir.join("auto")
    }

    /// Held while an order is under way.
    pub fn order_lock(&self) -> PathBuf {
        self.dir.join("order.lock")
    }

    /// An order at a certificate authority that is under way.
    pub fn order_dir(&self) -> PathBuf {
        self.dir.join("order")
    }

    /// Configuration of an admin's own: `server.conf`, `location.conf`, `http.conf`.
    pub fn snippets_dir(&self) -> PathBuf {
        self.dir.join("snippets")
    }

    /// A template of an admin's own, in place of the built-in one.
    pub fn template_file(&self) -> PathBuf {
        self.dir.join("nginx.conf.hbs")
    }
}
