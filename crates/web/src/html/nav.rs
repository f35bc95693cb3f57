use gatehouse_types::{Permission, Role};

/// The console's menus. Each section stands in the top menu and has its own left navigation.
#[derive(Clone, Debug)]
pub struct Nav {
    /// The sections, in order.
    pub sections: Vec<NavSection>,
    /// Where the sign-out form posts to.
    pub sign_out: &'static str,
    /// Where the switch form posts `workspaceId` to.
    pub switch_workspace: &'static str,
}

impl Default for Nav {
    fn default() -> Self {
        Self { sections: Vec::new(), sign_out: "/sign-out", switch_workspace: "/switch-workspace" }
    }
}

/// One entry of the top menu with the left navigation behind it.
#[derive(Clone, Debug)]
pub struct NavSection {
    /// The entry itself.
    pub item: NavItem,
    /// The left navigation; empty for a section of a single page.
    pub groups: Vec<NavGroup>,
}

/// Entries of the left navigation under one heading.
#[derive(Clone, Debug)]
pub struct NavGroup {
    /// The heading; empty for entries that stand alone.
    pub label: &'static str,
    /// The entries, in order.
    pub items: Vec<NavItem>,
}

/// One entry.
#[derive(Clone, Copy, Debug)]
pub struct NavItem {
    /// What a page names to mark this entry as the current one; unique in the console.
    pub id: &'static str,
    /// The text.
    pub label: &'static str,
    /// Where it leads.
    pub href: &'static str,
    /// Who does not have this right does not see the entry.
    pub needs: Option<Permission>,
}

impl NavItem {
    /// An entry for everybody.
    pub const fn new(id: &'static str, label: &'static str, href: &'static str) -> Self {
        Self { id, label, href, needs: None }
    }

    /// The same entry for those who have this right.
    #[must_use]
    pub const fn needs(mut self, permission: Permission) -> Self {
        self.needs = Some(permission);
        self
    }

    fn seen_by(&self, role: Option<Role>) -> bool {
        self.needs.is_none_or(|p| role.is_some_and(|r| r.may(p)))
    }
}

impl NavSection {
    fn seen_by(&self, role: Option<Role>) -> Option<Self> {
        if !self.item.seen_by(role) {
            return None;
        }
        let groups = self.groups.iter().filter_map(|g| {
            let items: Vec<_> = g.items.iter().copied().filter(|i| i.seen_by(role)).collect();
            (!items.is_empty()).then_some(NavGroup { label: g.label, items })
        });
        Some(Self { item: self.item, groups: groups.collect() })
    }

    /// Whether the entry with this id stands in this section.
    pub fn holds(&self, id: &str) -> bool {
        self.item.id == id || self.groups.iter().flat_map(|g| &g.items).any(|i| i.id == id)
    }
}

impl Nav {
    /// What a person of this role sees.
    #[must_use]
    pub fn seen_by(&self, role: Option<Role>) -> Self {
        Self { sections: self.sections.iter().filter_map(|s| s.seen_by(role)).collect(), ..*self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_without_the_right_and_empty_groups_are_not_shown() {
        let manage = NavItem::new("sso", "Single Sign On", "/settings/sso").needs(Permission::ManageSso);
        let section = NavSection {
            item: NavItem::new("settings", "Settings", "/settings"),
            groups: vec![
                NavGroup { label: "Security & Control", items: vec![manage] },
                NavGroup {
                    label: "",
                    items: vec![NavItem::new("scripts", "Manage Custom Scripts", "/scripts")],
                },
            ],
        };
        let nav = Nav { sections: vec![section], ..Nav::default() };
        assert_eq!(nav.seen_by(Some(Role::Owner)).sections[0].groups.len(), 2);
        let viewer = nav.seen_by(Some(Role::Viewer));
        assert_eq!(viewer.sections[0].groups.len(), 1);
        assert!(viewer.sections[0].holds("scripts") && !viewer.sections[0].holds("sso"));
    }
}
