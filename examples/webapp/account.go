package main

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// An account has an owner of its own and a balance in cents, never below 0.
type account struct {
	ID      uint64 `json:"id"`
	Owner   string `json:"owner" gorm:"size:100;not null;unique"`
	Balance int64  `json:"balance" gorm:"not null"`
}

// A transfer moves cents from one account to another.
type transfer struct {
	From   uint64 `json:"from"`
	To     uint64 `json:"to"`
	Amount int64  `json:"amount"`
}

var (
	errInvalid    = errors.New("invalid request")
	errNoAccount  = errors.New("no such account")
	errOwnerTaken = errors.New("the owner has an account already")
	errTooPoor    = errors.New("the balance is too low")
)

// accounts are those in the database.
type accounts struct{ orm *gorm.DB }

func (a accounts) create(ctx context.Context, owner string, balance int64) (account, error) {
	if owner == "" || len(owner) > 100 || balance < 0 {
		return account{}, fmt.Errorf("%w: an owner of 1 to 100 bytes and a balance of at least 0 are wanted", errInvalid)
	}
	created := account{Owner: owner, Balance: balance}
	err := a.orm.WithContext(ctx).Create(&created).Error
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return account{}, errOwnerTaken
	}
	return created, err
}

func (a accounts) list(ctx context.Context) ([]account, error) {
	all := []account{}
	return all, a.orm.WithContext(ctx).Order("id").Find(&all).Error
}

// move carries out a transfer as a whole or not at all.
func (a accounts) move(ctx context.Context, t transfer) error {
	if t.From == t.To || t.Amount <= 0 {
		return fmt.Errorf("%w: two accounts and an amount of at least 1 are wanted", errInvalid)
	}
	return a.orm.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		balances, err := lock(tx, t.From, t.To)
		switch {
		case err != nil:
			return err
		case len(balances) != 2:
			return errNoAccount
		case balances[t.From] < t.Amount:
			return errTooPoor
		}
		return errors.Join(
			tx.Model(&account{ID: t.From}).Update("balance", balances[t.From]-t.Amount).Error,
			tx.Model(&account{ID: t.To}).Update("balance", balances[t.To]+t.Amount).Error)
	})
}

// lock keeps others away from the accounts until the transaction ends, and returns the balances of those that exist. All
// transfers lock in the order of the numbers, so that no two wait for each other.
func lock(tx *gorm.DB, ids ...uint64) (map[uint64]int64, error) {
	var found []account
	err := tx.Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate}).Order("id").Find(&found, ids).Error
	balances := map[uint64]int64{}
	for _, a := range found {
		balances[a.ID] = a.Balance
	}
	return balances, err
}
