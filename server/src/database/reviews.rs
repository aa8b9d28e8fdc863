//! What people say of items.
//!
//! Owns leases (no two reviewers have the same crop), opinions, what follows from them for the item, undoing, and the audit: who
//! said what when, and what was said before. An item counts as labelled when one person has named it, or, where two are asked,
//! when two agree.

use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;
use sqlx::{Any, AssertSqlSafe, Row, Transaction};
use utoipa::ToSchema;

use super::items::{COLUMNS, ItemRow, State, item_row};
use super::{Database, now};

/// What a reviewer says of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opinion {
    /// It is this SKU.
    Sku(String),
    /// It is nothing that is sold.
    NotAProduct,
    /// This reviewer can't tell, and is not asked again.
    Skip,
}

impl Opinion {
    fn name(&self) -> &'static str {
        match self {
            Self::Sku(_) => "sku",
            Self::NotAProduct => "not_a_product",
            Self::Skip => "skip",
        }
    }

    fn sku(&self) -> Option<&str> {
        match self {
            Self::Sku(sku) => Some(sku),
            Self::NotAProduct | Self::Skip => None,
        }
    }
}

/// Who says it.
#[derive(Clone, Copy, Debug)]
pub struct Reviewer<'a> {
    /// The token's id.
    pub id: &'a str,
    /// The token's name.
    pub name: &'a str,
}

/// What came of an opinion.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// It was taken; the item as it is now.
    Taken(Box<ItemRow>),
    /// There is no such item.
    NoItem,
    /// Somebody else has it before them until then, Unix milliseconds.
    Leased(i64),
}

/// An entry of the audit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    /// Its number, ascending.
    pub seq: i64,
    /// Unix milliseconds.
    pub at: i64,
    /// The token's id.
    pub token: String,
    /// Whose token it is.
    pub name: String,
    /// The item.
    pub item: String,
    /// `label` or `undo`.
    pub action: String,
    /// What the item was called before: `sku`, `not_a_product`, or nothing yet.
    pub before_label: Option<String>,
    /// Which SKU.
    pub before_sku: Option<String>,
    /// What it is called after: besides these `skip`, which changes nothing.
    pub after_label: Option<String>,
    /// Which SKU.
    pub after_sku: Option<String>,
}

/// How far the review is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Progress {
    /// Items that nobody has named.
    pub waiting: i64,
    /// Items that a second person is to name.
    pub second: i64,
    /// Items people disagree on.
    pub disputed: i64,
    /// Items that are done.
    pub labelled: i64,
    /// Opinions the asking reviewer has given.
    pub mine: i64,
    /// Opinions the asking reviewer has given within an hour.
    pub mine_last_hour: i64,
    /// How often people agree.
    pub agreement: Agreement,
}

/// How often people agree on items that two of them named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Agreement {
    /// Pairs of opinions on one item by two people; without skips.
    pub pairs: i64,
    /// Pairs that say the same.
    pub agreed: i64,
}

impl Database {
    /// Hands a reviewer up to `count` items that they have said nothing of and that nobody else has before them, until
    /// `until`. Those people disagree on come first, then the oldest. What the reviewer still has is handed out again first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn claim(&self, reviewer: &str, count: i64, until: i64) -> sqlx::Result<Vec<ItemRow>> {
        let sql = format!(
            "UPDATE items SET leased_by = $1, leased_until = $2 WHERE seq IN (SELECT seq FROM items \
             WHERE state IN ('waiting', 'second', 'disputed') AND (leased_until < $3 OR leased_by = $1) \
             AND NOT EXISTS (SELECT 1 FROM opinions WHERE opinions.item = items.id AND opinions.reviewer = $1) \
             ORDER BY CASE WHEN leased_by = $1 AND leased_until >= $3 THEN 0 WHEN state = 'disputed' THEN 1 ELSE 2 END, seq \
             LIMIT $4{}) RETURNING {COLUMNS}",
            self.skip_locked()
        );
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(reviewer)
            .bind(until)
            .bind(now())
            .bind(count)
            .fetch_all(&self.pool)
            .await?;
        in_order(&rows)
    }

    /// Hands a reviewer those of the items that they may have, until `until`.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn claim_these(&self, reviewer: &str, ids: &[String], until: i64) -> sqlx::Result<Vec<ItemRow>> {
        let mut changes = self.write().await?;
        let sql = format!(
            "UPDATE items SET leased_by = $1, leased_until = $2 WHERE id = $4 AND state <> 'labelled' \
             AND (leased_until < $3 OR leased_by = $1) \
             AND NOT EXISTS (SELECT 1 FROM opinions WHERE opinions.item = items.id AND opinions.reviewer = $1) \
             RETURNING {COLUMNS}"
        );
        let mut ids: Vec<&String> = ids.iter().collect();
        // Always in the same order, or two that lock the same rows wait for each other.
        ids.sort_unstable();
        let mut claimed = Vec::new();
        for id in ids {
            let query = sqlx::query(AssertSqlSafe(sql.clone())).bind(reviewer).bind(until).bind(now()).bind(id);
            if let Some(row) = query.fetch_optional(&mut *changes).await? {
                claimed.push(item_row(&row)?);
            }
        }
        changes.commit().await?;
        Ok(claimed)
    }

    /// Gives back what a reviewer has before them, all of it or these items, and says how many.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn release(&self, reviewer: &str, ids: Option<&[String]>) -> sqlx::Result<u64> {
        const SQL: &str = "UPDATE items SET leased_by = NULL, leased_until = 0 WHERE leased_by = $1";
        let Some(ids) = ids else {
            return Ok(sqlx::query(SQL).bind(reviewer).execute(&self.pool).await?.rows_affected());
        };
        let mut changes = self.write().await?;
        let mut ids: Vec<&String> = ids.iter().collect();
        ids.sort_unstable();
        let mut released = 0;
        for id in ids {
            let query = sqlx::query(AssertSqlSafe(format!("{SQL} AND id = $2"))).bind(reviewer).bind(id);
            released += query.execute(&mut *changes).await?.rows_affected();
        }
        changes.commit().await?;
        Ok(released)
    }

    /// Takes a reviewer's opinion of an item in place of the one they had, ends their lease, and writes the audit.
    ///
    /// # Errors
    /// Where the database fails; nothing has changed then.
    pub async fn say(&self, reviewer: Reviewer<'_>, item: &str, opinion: &Opinion) -> sqlx::Result<Said> {
        let mut changes = self.write().await?;
        let at = now();
        let Some((before, leased_by, leased_until)) = self.locked(&mut changes, item).await? else {
            return Ok(Said::NoItem);
        };
        if leased_until >= at && leased_by.is_some_and(|other| other != reviewer.id) {
            return Ok(Said::Leased(leased_until));
        }
        sqlx::query("DELETE FROM opinions WHERE item = $1 AND reviewer = $2")
            .bind(item)
            .bind(reviewer.id)
            .execute(&mut *changes)
            .await?;
        sqlx::query("INSERT INTO opinions (item, reviewer, label, sku, given_at) VALUES ($1, $2, $3, $4, $5)")
            .bind(item)
            .bind(reviewer.id)
            .bind(opinion.name())
            .bind(opinion.sku())
            .bind(at)
            .execute(&mut *changes)
            .await?;
        let after = settle(&mut changes, &before, at, None).await?;
        let told = (Some(opinion.name()), opinion.sku());
        audit(&mut changes, reviewer, "label", &before, told, at).await?;
        changes.commit().await?;
        Ok(Said::Taken(Box::new(after)))
    }

    /// Takes back the last opinion a reviewer gave and hands them its item again until `until`; none where there is none.
    ///
    /// # Errors
    /// Where the database fails; nothing has changed then.
    pub async fn undo(&self, reviewer: Reviewer<'_>, until: i64) -> sqlx::Result<Option<ItemRow>> {
        let mut changes = self.write().await?;
        let last = sqlx::query("SELECT seq, item FROM opinions WHERE reviewer = $1 ORDER BY seq DESC LIMIT 1")
            .bind(reviewer.id)
            .fetch_optional(&mut *changes)
            .await?;
        let Some(last) = last else { return Ok(None) };
        let (seq, item): (i64, String) = (last.try_get(0)?, last.try_get(1)?);
        let Some((before, ..)) = self.locked(&mut changes, &item).await? else { return Ok(None) };
        sqlx::query("DELETE FROM opinions WHERE seq = $1").bind(seq).execute(&mut *changes).await?;
        let after = settle(&mut changes, &before, now(), Some((reviewer.id, until))).await?;
        let told = (after.label.as_deref(), after.sku.as_deref());
        audit(&mut changes, reviewer, "undo", &before, told, now()).await?;
        changes.commit().await?;
        Ok(Some(after))
    }

    /// The audit's entries after `after`, of one item if that is given.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn audit(&self, item: Option<&str>, after: i64, limit: i64) -> sqlx::Result<Vec<AuditEntry>> {
        let of_item = if item.is_some() { " AND item = $3" } else { "" };
        let sql = format!("SELECT * FROM audit WHERE seq > $1{of_item} ORDER BY seq LIMIT $2");
        let mut query = sqlx::query(AssertSqlSafe(sql)).bind(after).bind(limit);
        if let Some(item) = item {
            query = query.bind(item);
        }
        query.fetch_all(&self.pool).await?.iter().map(audit_entry).collect()
    }

    /// How far the review is, and how far this reviewer's part in it.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn progress(&self, reviewer: &str) -> sqlx::Result<Progress> {
        let mut progress = Progress::default();
        let states = sqlx::query("SELECT state, COUNT(*) FROM items GROUP BY state").fetch_all(&self.pool).await?;
        for row in &states {
            let (state, count): (String, i64) = (row.try_get(0)?, row.try_get(1)?);
            match state.as_str() {
                "waiting" => progress.waiting = count,
                "second" => progress.second = count,
                "disputed" => progress.disputed = count,
                _ => progress.labelled += count,
            }
        }
        let mine = "SELECT COUNT(*) FROM opinions WHERE reviewer = $1 AND given_at >= $2";
        let count = |since: i64| sqlx::query_scalar::<Any, i64>(mine).bind(reviewer.to_owned()).bind(since);
        progress.mine = count(0).fetch_one(&self.pool).await?;
        progress.mine_last_hour = count(now() - 3_600_000).fetch_one(&self.pool).await?;
        let pairs = sqlx::query(
            "SELECT COUNT(*), COUNT(CASE WHEN a.label = b.label AND COALESCE(a.sku, '') = COALESCE(b.sku, '') THEN 1 END) \
             FROM opinions a JOIN opinions b ON a.item = b.item AND a.seq < b.seq WHERE a.label <> 'skip' AND b.label <> 'skip'",
        )
        .fetch_one(&self.pool)
        .await?;
        progress.agreement = Agreement { pairs: pairs.try_get(0)?, agreed: pairs.try_get(1)? };
        Ok(progress)
    }

    /// An item, its leaser and the end of the lease, locked until the changes are done.
    async fn locked(
        &self,
        changes: &mut Transaction<'static, Any>,
        item: &str,
    ) -> sqlx::Result<Option<(ItemRow, Option<String>, i64)>> {
        let sql = format!("SELECT {COLUMNS}, leased_by, leased_until FROM items WHERE id = $1{}", self.for_update());
        let row = sqlx::query(AssertSqlSafe(sql)).bind(item).fetch_optional(&mut **changes).await?;
        row.map(|row| Ok((item_row(&row)?, row.try_get("leased_by")?, row.try_get("leased_until")?))).transpose()
    }
}

/// What follows for an item from the opinions on it; the lease is the one given, or none.
async fn settle(
    changes: &mut Transaction<'static, Any>,
    item: &ItemRow,
    at: i64,
    lease: Option<(&str, i64)>,
) -> sqlx::Result<ItemRow> {
    let rows = sqlx::query("SELECT label, sku FROM opinions WHERE item = $1 AND label <> 'skip' ORDER BY seq")
        .bind(&item.id)
        .fetch_all(&mut **changes)
        .await?;
    let said: Vec<Named> =
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<sqlx::Result<_>>()?;
    let (state, label) = outcome(&said, item.wanted);
    let (label, sku) = label.unzip();
    let sku = sku.flatten();
    let labelled_at = label.is_some().then_some(at);
    let (leased_by, leased_until) = lease.map_or((None, 0), |(by, until)| (Some(by.to_owned()), until));
    sqlx::query(
        "UPDATE items SET state = $1, label = $2, sku = $3, labelled_at = $4, leased_by = $5, leased_until = $6 WHERE id = $7",
    )
    .bind(state.name())
    .bind(&label)
    .bind(&sku)
    .bind(labelled_at)
    .bind(leased_by)
    .bind(leased_until)
    .bind(&item.id)
    .execute(&mut **changes)
    .await?;
    Ok(ItemRow { state, label, sku, labelled_at, ..item.clone() })
}

/// What an item was called, and which SKU.
type Named = (String, Option<String>);

/// Where an item stands after these opinions: what most say, the first said where as many say another thing.
fn outcome(said: &[Named], wanted: i64) -> (State, Option<Named>) {
    let votes = |named: &Named| said.iter().filter(|other| *other == named).count();
    let Some(most) = said.iter().map(votes).max() else { return (State::Waiting, None) };
    let mut leading: Vec<&Named> = said.iter().filter(|named| votes(named) == most).collect();
    let label = leading[0].clone();
    leading.dedup();
    let contested = leading.iter().any(|named| **named != label);
    let state = if contested {
        State::Disputed
    } else if (said.len() as i64) < wanted {
        State::Second
    } else {
        State::Labelled
    };
    (state, (!contested).then_some(label))
}

async fn audit(
    changes: &mut Transaction<'static, Any>,
    reviewer: Reviewer<'_>,
    action: &str,
    before: &ItemRow,
    (label, sku): (Option<&str>, Option<&str>),
    at: i64,
) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO audit (at, token, name, item, action, before_label, before_sku, after_label, after_sku) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(at)
    .bind(reviewer.id)
    .bind(reviewer.name)
    .bind(&before.id)
    .bind(action)
    .bind(&before.label)
    .bind(&before.sku)
    .bind(label)
    .bind(sku)
    .execute(&mut **changes)
    .await
    .map(drop)
}

fn audit_entry(row: &AnyRow) -> sqlx::Result<AuditEntry> {
    Ok(AuditEntry {
        seq: row.try_get("seq")?,
        at: row.try_get("at")?,
        token: row.try_get("token")?,
        name: row.try_get("name")?,
        item: row.try_get("item")?,
        action: row.try_get("action")?,
        before_label: row.try_get("before_label")?,
        before_sku: row.try_get("before_sku")?,
        after_label: row.try_get("after_label")?,
        after_sku: row.try_get("after_sku")?,
    })
}

fn in_order(rows: &[AnyRow]) -> sqlx::Result<Vec<ItemRow>> {
    let mut items: Vec<ItemRow> = rows.iter().map(item_row).collect::<sqlx::Result<_>>()?;
    items.sort_by_key(|item| (item.state != State::Disputed, item.seq));
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_labelled_when_those_who_were_asked_agree() {
        let cola = || ("sku".to_owned(), Some("cola".to_owned()));
        let pils = || ("sku".to_owned(), Some("pils".to_owned()));
        assert_eq!(outcome(&[], 1), (State::Waiting, None));
        assert_eq!(outcome(&[cola()], 1), (State::Labelled, Some(cola())));
        assert_eq!(outcome(&[cola()], 2), (State::Second, Some(cola())));
        assert_eq!(outcome(&[cola(), cola()], 2), (State::Labelled, Some(cola())));
        assert_eq!(outcome(&[cola(), pils()], 2), (State::Disputed, None));
        assert_eq!(outcome(&[cola(), pils(), pils()], 2), (State::Labelled, Some(pils())));
        assert_eq!(outcome(&[cola(), pils()], 1), (State::Disputed, None), "also where one was enough");
        let none = ("not_a_product".to_owned(), None);
        assert_eq!(outcome(&[none.clone(), cola(), none.clone()], 2), (State::Labelled, Some(none)));
    }
}
